//! What happens in the story, as data: who does what in which scene. Nothing is left to chance, so that it can be told again.

/// One round of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene(pub u32);

/// What happens in a scene, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody orders.
    Order,
    /// And pays, or thinks better of it.
    Settle,
    /// Staff send whatever is paid, a visitor's orders too.
    Ship,
    /// What was sent arrives.
    Deliver,
    /// Staff put back in store what was sold.
    Restock,
    /// Somebody likes the newest post and comments on it.
    Talk,
}

/// The order of the steps.
pub const STEPS: [Step; 6] = [Step::Order, Step::Settle, Step::Ship, Step::Deliver, Step::Restock, Step::Talk];
/// Every so many scenes the customer cancels what was paid, and has the money back.
const REGRET_EVERY: u32 = 5;
const REMARKS: [&str; 6] = [
    "The parcel came, and the kettle is on.",
    "Read this aloud at the oven. Nobody burnt anything.",
    "I walked past the sluice today and thought of this.",
    "Agreed, except about the elm.",
    "Could somebody measure that again?",
    "Saved for the winter.",
];

impl Scene {
    /// Who buys, of so many.
    pub fn customer(self, people: usize) -> usize {
        self.pick(1, people)
    }

    /// Who comments, of so many: never the customer, if there is somebody else.
    pub fn talker(self, people: usize) -> usize {
        self.pick(1, people).wrapping_add(1).checked_rem(people).unwrap_or_default()
    }

    /// Which products, of so many: one or two different ones.
    pub fn products(self, count: usize) -> Vec<usize> {
        let (first, second) = (self.pick(5, count), self.pick(7, count));
        let both = self.0 % 2 == 1 && first != second && count > 0;
        if both { vec![first, second] } else { vec![first] }
    }

    /// How many of each: one to three.
    pub fn quantity(self) -> i32 {
        1 + i32::try_from(self.0 % 3).unwrap_or_default()
    }

    /// True if the customer cancels after having paid.
    pub fn is_regretted(self) -> bool {
        self.0 % REGRET_EVERY == REGRET_EVERY - 1
    }

    /// What is said.
    pub fn remark(self) -> &'static str {
        REMARKS.get(self.pick(1, REMARKS.len())).copied().unwrap_or_default()
    }

    /// A number below `count` that goes round with the scenes, `stride` at a time.
    fn pick(self, stride: usize, count: usize) -> usize {
        usize::try_from(self.0).unwrap_or_default().wrapping_mul(stride).checked_rem(count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_buys_everything_is_bought_and_some_is_regretted() {
        let scenes = || (0..60).map(Scene);
        let customers: BTreeSet<usize> = scenes().map(|scene| scene.customer(8)).collect();
        let bought: BTreeSet<usize> = scenes().flat_map(|scene| scene.products(11)).collect();
        assert_eq!((customers.len(), bought.len()), (8, 11));
        assert_eq!(scenes().filter(|scene| scene.is_regretted()).count(), 12);
        assert!(scenes().all(|scene| scene.talker(8) != scene.customer(8) && (1..=3).contains(&scene.quantity())));
    }

    #[test]
    fn a_basket_has_no_product_twice_and_an_empty_shop_is_no_harm() {
        for scene in (0..200).map(Scene) {
            let products = scene.products(6);
            assert_eq!(products.iter().collect::<BTreeSet<_>>().len(), products.len(), "{scene:?}");
            assert_eq!((scene.products(0), scene.customer(0), scene.talker(0)), (vec![0], 0, 0));
        }
    }
}
