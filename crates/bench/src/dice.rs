//! Choices that look random and are the same in every run.

/// A small random number generator (xorshift64*).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// One of many: each number has choices of its own.
    pub fn new(seed: u64, number: usize) -> Self {
        let mixed = (seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD129_0B26_88A5_47C5);
        Self(mixed | 1)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        // The upper half of the product: always below `end`.
        (wide >> 64) as usize
    }

    /// A number from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Ranks 0, 1, 2… of which the low ones come up most.
#[derive(Debug)]
pub struct Zipf {
    /// How much of the whole lies at or below each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// So many ranks, the r-th (from 1) in proportion to r to the power of minus `exponent`.
    pub fn new(ranks: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=ranks).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        let sums: Vec<f64> = sums.collect();
        Self { cumulative: sums.iter().map(|part| part / sum).collect() }
    }

    /// Draws a rank.
    pub fn draw(&self, dice: &mut Dice) -> u32 {
        let wanted = dice.fraction();
        let rank = self.cumulative.partition_point(|part| *part <= wanted);
        u32::try_from(rank.min(self.cumulative.len() - 1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_ranks_come_up_as_often_as_they_should() {
        const DRAWS: u32 = 200_000;
        let (zipf, mut dice) = (Zipf::new(10_000, 0.99), Dice::new(1, 0));
        let mut counts = vec![0u32; 10_000];
        (0..DRAWS).for_each(|_| counts[zipf.draw(&mut dice) as usize] += 1);
        let ratio = f64::from(counts[0]) / f64::from(counts[9]);
        assert!((8.0..12.0).contains(&ratio), "rank 1 against rank 10: {ratio}");
        assert!(counts[5_000..].iter().sum::<u32>() > 0, "the tail is never drawn");
    }

    #[test]
    fn numbers_stay_below_their_end_and_reach_it() {
        let mut dice = Dice::new(7, 3);
        let seen: std::collections::BTreeSet<usize> = (0..1_000).map(|_| dice.below(10)).collect();
        assert_eq!(seen, (0..10).collect());
    }
}
