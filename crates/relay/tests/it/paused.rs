//! A relay that is paused at any point of a round, and wakes up when the world has gone on without it.

use std::time::Duration;

use millrace_relay::core::Core;
use millrace_relay::jetstream::Nats;
use millrace_relay::round::{Duties, Happened};

use crate::world::World;

const ALL: Duties = Duties { sequence: true, look: true, audit: true };

impl World {
    async fn core(&self) -> Core<millrace_log::Log, Nats> {
        Core::new(self.log.clone(), Nats::connect(self.nats.clone()).await.unwrap())
    }
}

/// Rounds until there is nothing to do. Errors end in another try, as they do in a relay that runs.
async fn work_off(core: &mut Core<millrace_log::Log, Nats>) {
    loop {
        match core.round(Duties::default()).await {
            Ok(round) if round.happened == Happened::Idle && !round.again => return,
            Ok(_) => {}
            Err(error) => eprintln!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_paused_anywhere_wakes_up_harmless() {
    let world = World::new().await;
    let mut paused = world.core().await;
    work_off(&mut paused).await;
    let _other = world.relay();
    for pause_after_us in (0..3_000).step_by(150) {
        world.write(20).await;
        let mut round = Box::pin(paused.round(ALL));
        let ended = tokio::time::timeout(Duration::from_micros(pause_after_us), &mut round).await;
        world.write(20).await;
        world.until_copied().await;
        if ended.is_err() {
            // An error is as good: the next round looks anew.
            let _ = round.await;
        } else {
            drop(round);
        }
        work_off(&mut paused).await;
    }
    world.until_copied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_slept_while_the_stream_was_made_anew_wakes_up_harmless() {
    let world = World::new().await;
    let mut paused = world.core().await;
    work_off(&mut paused).await;
    let _other = world.relay();
    for pause_after_us in (0..3_000).step_by(300) {
        world.write(20).await;
        let mut round = Box::pin(paused.round(ALL));
        let ended = tokio::time::timeout(Duration::from_micros(pause_after_us), &mut round).await;
        let _ = world.context.delete_stream(world.nats.stream()).await;
        world.write(20).await;
        world.until_copied().await;
        if ended.is_err() {
            let _ = round.await;
        } else {
            drop(round);
        }
        work_off(&mut paused).await;
        world.until_copied().await;
    }
}

/// As when a process is killed in the middle of a round.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_killed_anywhere_leaves_nothing_that_another_cannot_go_on_from() {
    let world = World::new().await;
    for killed_after_us in (0..4_000).step_by(200) {
        world.write(40).await;
        let mut core = world.core().await;
        let _ = tokio::time::timeout(Duration::from_micros(killed_after_us), core.round(ALL)).await;
        drop(core);
    }
    work_off(&mut world.core().await).await;
    world.until_copied().await;
}
