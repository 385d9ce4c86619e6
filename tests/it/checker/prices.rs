//! What an order says of its products is what held when it was placed: name, picture and price, out of the products' own events.

use super::life::{Life, first, lives};
use millrace_events::order::OrderedLine;
use millrace_events::product::ProductDescription;
use millrace_events::{AggregateKind, Event, Position, Recorded};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Compares each line of each order.
pub fn held_when_ordered(log: &[Recorded]) {
    let products = lives(log, AggregateKind::Product);
    for order in lives(log, AggregateKind::Order).values() {
        let (at, Event::OrderPlaced(placed)) = (first(order).position, &first(order).event) else {
            panic!("an order begins with {:?}", first(order));
        };
        for line in &placed.lines {
            let held = offered(line, &products, at);
            assert_eq!(
                (&line.product_name, &line.product_image, line.price),
                (&held.name, &held.image_url, held.price),
                "a line of the order at {at}, and its product then"
            );
        }
    }
}

/// The product of a line as it was offered just before a position.
fn offered<'a>(line: &OrderedLine, products: &BTreeMap<Uuid, Life<'a>>, at: Position) -> &'a ProductDescription {
    let life = products.get(&line.product_id.0).into_iter().flatten().copied();
    let before = life.take_while(|recorded| recorded.position < at);
    let offered = before.fold(None, |offered, recorded| match &recorded.event {
        Event::ProductCreated(e) => Some(&e.description),
        Event::ProductUpdated(e) => Some(&e.description),
        Event::ProductRetired(_) => None,
        _ => offered,
    });
    offered.unwrap_or_else(|| panic!("at {at} nobody offers {line:?}"))
}
