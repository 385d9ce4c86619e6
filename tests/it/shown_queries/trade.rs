//! Products, orders and money.

use super::{Look, World, eur, product};
use serde_json::{Value, json};

pub async fn shelf(world: &World<'_>, name: &str) {
    let (staff, input) = (&world.staff.client, json!({ "productId": world.product }));
    let look = |root| Look { viewer: world.client, root, id: &world.product };
    match name {
        "createProduct" => {
            let word = format!("Weir{}", uuid::Uuid::now_v7().simple());
            let root = format!("products(search: \"{word}\") {{ nodes {{ name stock }} }}");
            let look = Look { viewer: world.client, root: &root, id: "" };
            let both = [json!({ "nodes": [] }), json!({ "nodes": [{ "name": word, "stock": 10 }] })];
            world.shows((staff, name, product(&word)), look, both).await;
        }
        "updateProduct" => {
            let sent = (staff, name, json!({ "productId": world.product, "name": "Weir", "price": eur(99) }));
            let is = |name: &str, minor: &str| json!({ "name": name, "price": { "amountMinor": minor } });
            let look = look("product(id: $id) { name price { amountMinor } }");
            world.shows(sent, look, [is("Sluice", "250"), is("Weir", "99")]).await;
        }
        "restockProduct" => {
            let sent = (staff, name, json!({ "productId": world.product, "quantity": 3 }));
            let both = [json!({ "stock": 10 }), json!({ "stock": 13 })];
            world.shows(sent, look("product(id: $id) { stock }"), both).await;
        }
        _ => {
            let both = [json!({ "retired": false }), json!({ "retired": true })];
            world.shows((staff, name, input), look("product(id: $id) { retired }"), both).await;
        }
    }
}

pub async fn order(world: &World<'_>, name: &str) {
    world.money().await;
    let ben = &world.ben;
    let lines = json!([{ "productId": world.product, "quantity": 2 }]);
    let basket = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
    let root = "viewer { orders { nodes { status } } wallets { balance { amountMinor } } }";
    let look = Look { viewer: &ben.client, root, id: "" };
    let is = |status: Option<&str>, minor: &str| {
        let orders: Vec<Value> = status.iter().map(|status| json!({ "status": status })).collect();
        json!({ "orders": { "nodes": orders }, "wallets": [{ "balance": { "amountMinor": minor } }] })
    };
    if name == "placeOrder" {
        let both = [is(None, "1000"), is(Some("PENDING"), "1000")];
        return world.shows((&ben.client, name, basket), look, both).await;
    }
    let order = json!({ "orderId": world.done(ben, "placeOrder", basket).await });
    let steps = [(ben, "payOrder"), (world.staff, "shipOrder")];
    let (before, sender, both) = match name {
        "payOrder" => (0, ben, [is(Some("PENDING"), "1000"), is(Some("CONFIRMED"), "500")]),
        "shipOrder" => (1, world.staff, [is(Some("CONFIRMED"), "500"), is(Some("SHIPPED"), "500")]),
        "confirmDelivery" => (2, world.staff, [is(Some("SHIPPED"), "500"), is(Some("DELIVERED"), "500")]),
        _ => (1, ben, [is(Some("CONFIRMED"), "500"), is(Some("CANCELLED"), "1000")]),
    };
    for (sender, step) in &steps[..before] {
        world.done(sender, step, order.clone()).await;
    }
    world.shows((&sender.client, name, order), look, both).await;
}

pub async fn money(world: &World<'_>, name: &str) {
    world.money().await;
    let root = "viewer { wallets { balance { amountMinor } pendingTopUps { amount { amountMinor } } } }";
    let is = |minor: &str, pending: Value| json!({ "wallets": [{ "balance": { "amountMinor": minor }, "pendingTopUps": pending }] });
    let ben = &world.ben.client;
    let look = Look { viewer: ben, root, id: "" };
    let before = is("1000", json!([]));
    if name == "topUpWallet" {
        let after = is("1000", json!([{ "amount": { "amountMinor": "5" } }]));
        return world.shows((ben, name, json!({ "amount": eur(5) })), look, [before, after]).await;
    }
    let input = json!({ "toUserId": world.ada.id, "amount": eur(300) });
    world.shows((ben, name, input), look, [before, is("700", json!([]))]).await;
    let other = Look { viewer: &world.ada.client, root, id: "" };
    let token = world.token_of_all().await;
    assert_eq!(other.with(Some(&token)).await, is("300", json!([])), "what was sent arrived");
}
