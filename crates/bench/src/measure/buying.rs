//! Orders that are placed and paid in a second, against `pgbench` of the same statements; and one product that everybody wants.

use super::visible::is_accepted;
use crate::bare::pgbench::{Pgbench, Scripts, Sequencing};
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, graphql};
use crate::load::{self, Load, Work};
use crate::measure::mutations::Bench;
use crate::plan::{MUTATION_CLIENTS, PRODUCTS, Plan, USERS};
use crate::progress::Progress;
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use crate::tokens::Tokens;
use crate::world::{Size, shop_rows};
use std::sync::{Arc, Mutex, PoisonError};

/// Each client places an order of one product, pays it, and begins anew as somebody else.
struct Buying {
    tokens: Tokens,
    products: Vec<String>,
    clients: Vec<Mutex<Client>>,
}

#[derive(Default)]
struct Client {
    user: u32,
    /// The order that is placed and not paid.
    placed: Option<String>,
}

impl Buying {
    fn new(tokens: Tokens, products: &[String], clients: usize) -> Self {
        Self { tokens, products: products.to_vec(), clients: (0..clients).map(|_| Mutex::default()).collect() }
    }

    fn with<T>(&self, client: usize, act: impl FnOnce(&mut Client) -> T) -> Option<T> {
        let mut client = self.clients.get(client)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(act(&mut client))
    }
}

impl Work for Buying {
    fn write(&self, client: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        self.with(client, |client| {
            let body = match &client.placed {
                Some(order) => pay_body(order),
                None => {
                    client.user = u32::try_from(dice.below(USERS as usize)).unwrap_or_default();
                    self.products
                        .get(dice.below(self.products.len()))
                        .map(|product| place_body(product))
                        .unwrap_or_default()
                }
            };
            graphql(Some(self.tokens.of(client.user)), &body, into);
        });
    }

    fn accepts(&self, client: usize, answer: &Answer<'_>) -> bool {
        let is_accepted = answer.status == 200 && is_accepted(answer.body);
        self.with(client, |client| match client.placed.take() {
            None if is_accepted => client.placed = aggregate_id(answer.body),
            _ => {}
        });
        is_accepted
    }
}

fn place_body(product: &str) -> String {
    format!(
        r#"{{"query":"mutation($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ receipt {{ accepted aggregateId consistencyToken }} errors {{ code }} }} }}","variables":{{"input":{{"lines":[{{"productId":"{product}","quantity":1}}],"deliveryAddress":"Mill Lane 1"}}}}}}"#
    )
}

fn pay_body(order: &str) -> String {
    format!(
        r#"{{"query":"mutation($input: PayOrderInput!) {{ payOrder(input: $input) {{ receipt {{ accepted consistencyToken }} errors {{ code }} }} }}","variables":{{"input":{{"orderId":"{order}"}}}}}}"#
    )
}

/// The id in a receipt.
fn aggregate_id(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(r#""aggregateId":""#)?;
    rest.split_once('"').map(|(id, _)| id.to_owned())
}

/// The rounds of one number of clients.
#[derive(Default)]
struct Rounds {
    ours: Samples,
    transactions: Samples,
    sequenced: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
    refused: u64,
    first_refusal: Option<String>,
}

/// Ours, theirs, ours, theirs: first many products, then one.
pub async fn run(bench: &Bench<'_>, products: &[String], plan: &Plan) -> Result<Section, BenchError> {
    let title = "Buying: placeOrder and payOrder in turn, commands a second through GraphQL, all roles in one process";
    let mut section = Section { title: title.into(), ..Section::default() };
    let Some(pgbench) = Pgbench::new(bench.stage, bench.copy, Size::FULL, Scripts::BUYING)? else {
        section.remarks.push("pgbench is not beside this machine's PostgreSQL: nothing to compare with".into());
        return Ok(section);
    };
    shop_rows::fill(bench.stage, bench.copy).await?;
    let hot = products.get(..1).unwrap_or_default();
    for clients in MUTATION_CLIENTS {
        let rounds = Rounds::of(bench, &pgbench, products, clients, plan).await?;
        rounds.report(&format!("{PRODUCTS} products, {clients} clients"), Some(Target::AtLeast(0.5)), &mut section);
    }
    for clients in MUTATION_CLIENTS {
        let rounds = Rounds::of(bench, &pgbench, hot, clients, plan).await?;
        rounds.report(&format!("one product for all, {clients} clients"), None, &mut section);
    }
    Ok(section)
}

impl Rounds {
    async fn of(
        bench: &Bench<'_>,
        pgbench: &Pgbench,
        products: &[String],
        clients: usize,
        plan: &Plan,
    ) -> Result<Self, BenchError> {
        let (copy, time) = (bench.stage.log(bench.copy).await?, plan.mutation_time);
        let progress = Progress::of(bench.stage, bench.log, bench.read_side).await?;
        let mut rounds = Self::default();
        let count = [("products", u32::try_from(products.len()).unwrap_or(u32::MAX))];
        for round in 0..plan.mutation_rounds {
            let load = Load { address: bench.all.address("graphql")?.to_owned(), clients, time, round };
            let buying = Arc::new(Buying::new(Tokens::new(bench.stage)?, products, clients));
            let served = load::run(&load, &buying).await?;
            progress.drained().await?;
            rounds.ours.push(served.per_second());
            rounds.p50_ms.push(served.latencies_ms.median());
            rounds.p99_ms.push(served.latencies_ms.percentile(99.0));
            rounds.refused += served.refused;
            rounds.first_refusal = rounds.first_refusal.take().or(served.first_refusal);
            rounds.transactions.push(pgbench.run(clients, time, Sequencing::Left, &count).await?);
            // The outbox that this left is not to burden the next.
            copy.sequence().await?;
            rounds.sequenced.push(pgbench.run(clients, time, Sequencing::EachTime, &count).await?);
        }
        copy.close().await?;
        Ok(rounds)
    }

    fn report(&self, what: &str, target: Option<Target>, section: &mut Section) {
        let against = |what: String, theirs: &Samples, target: Option<Target>| {
            let ratios = ratios(&self.ours, theirs);
            Row {
                what,
                ours: format!("{:.0}", self.ours.median()),
                theirs: format!("{:.0}", theirs.median()),
                ratio: Row::ratio(ratios.median(), &ratios.range(2)),
                target,
            }
        };
        section.rows.extend([
            against(what.to_owned(), &self.transactions, target),
            against("  against transactions each with its sequencing call".to_owned(), &self.sequenced, None),
        ]);
        section.remarks.push(format!("{what}: p50 {:.1} ms, p99 {:.1} ms", self.p50_ms.median(), self.p99_ms.median()));
        if let Some(first) = &self.first_refusal {
            section.remarks.push(format!("{} commands were not accepted; the first: {first}", self.refused));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_that_is_paid_is_the_one_that_was_placed() {
        let body =
            br#"{"data":{"placeOrder":{"receipt":{"accepted":true,"aggregateId":"abc","consistencyToken":"t"}}}}"#;
        assert_eq!(aggregate_id(body).as_deref(), Some("abc"));
        assert_eq!(aggregate_id(b"{}"), None);
    }
}
