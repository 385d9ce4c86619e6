//! Two of each role side by side: one of each paused for longer than any time-out and woken, the others killed meanwhile.

use crate::checker::books;
use crate::crowd::Crowd;
use crate::harness::cluster::{Cluster, PAIRS};
use crate::harness::stage::Stage;
use crate::load::{Dice, Load};
use crate::market::Market;
use std::time::Duration;

/// Longer than PostgreSQL, MongoDB, NATS and the process's own peers wait for a silent process: the longest is PostgreSQL's
/// `idle_in_transaction_session_timeout` of 10 s.
const PAUSE: Duration = Duration::from_secs(12);
/// Each of a pair is paused in turn.
const ROUNDS: usize = 4;
/// While half of the processes are paused, so many commands are answered by the others.
const COMMANDS_MEANWHILE: usize = 30;
/// After the paused ones woke, so many commands are answered by all.
const COMMANDS_AFTER: usize = 60;
/// Between two rounds everything works for a random moment of this span, so that the pause meets another step.
const MOMENTS_MS: usize = 300;
/// So that two process managers cancel unpaid orders meanwhile, and one of them dies or sleeps over it.
const PAY_WITHIN: (&str, &str) = ("MILLRACE_SHOP__PAY_WITHIN_S", "1");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_go_on_when_one_sleeps_long_and_wakes() {
    let stage = Stage::new().await.with(PAY_WITHIN.0, PAY_WITHIN.1);
    let mut cluster = Cluster::of_size(&stage, PAIRS).await;
    let urls = cluster.urls();
    let crowd = Crowd::gather(&urls).await;
    let market = Market::open(&stage, &urls[0]).await;
    let load = Load::begin(&stage, &market, &crowd.people, &urls, &crowd.posts).await;
    let mut dice = Dice::new(3);

    for round in 0..ROUNDS {
        load.reach(load.count() + COMMANDS_AFTER).await;
        tokio::time::sleep(Duration::from_millis(dice.below(MOMENTS_MS) as u64)).await;
        let (asleep, awake) = halves(&cluster, round);
        for index in &asleep {
            cluster.pause(*index).await;
        }
        let pause = tokio::time::sleep(PAUSE);
        load.reach(load.count() + COMMANDS_MEANWHILE).await;
        // The other of the pair dies while its sleeping twin still believes that it is at work.
        for index in awake {
            cluster.kill(index).await;
        }
        load.reach(load.count() + COMMANDS_MEANWHILE).await;
        pause.await;
        for index in &asleep {
            cluster.wake(*index).await;
        }
    }
    load.reach(load.count() + COMMANDS_AFTER).await;
    let acknowledged = load.end().await;
    let expired = market.unpaid_orders_expire_once(&stage).await;
    books::are_sequenced(&stage).await;
    acknowledged.are_in_the_log_once(&stage).await;
    let resumed = crowd.all_is_well(&stage).await;
    println!("{} deaths, {expired} orders expired, {resumed} subscriptions resumed", cluster.deaths);
    assert!(resumed > 0, "no subscription was resumed");
    cluster.stop().await;
}

/// One process of each pair, and the other ones.
fn halves(cluster: &Cluster, round: usize) -> (Vec<usize>, Vec<usize>) {
    let pairs = ["command", "relay", "projector", "query"].map(|role| cluster.indices_of(role));
    let of = |number: usize| pairs.iter().map(|pair| pair[number % pair.len()]).collect();
    (of(round), of(round + 1))
}
