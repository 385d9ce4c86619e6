//! Replay from position 1, against bare MongoDB upserts of the same documents.

use crate::bare::upserts::{Sending, Upserts, server_cpu_us};
use crate::error::BenchError;
use crate::plan::{LOOK_AGAIN, Plan, REPLAY_TIME_MAX, UPSERTS_AT_ONCE, UPSERTS_PER_COMMAND};
use crate::process::Process;
use crate::progress::Progress;
use crate::stage::{ReadSide, Stage};
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use millrace_log::Log;
use std::time::Instant;

const SENDINGS: [Sending; 3] = [Sending::OneByOne, Sending::ManyAtOnce, Sending::InBulk];

/// The replayed read side of the last round, with the projector that made it.
pub struct Replayed {
    /// Where its documents are.
    pub read_side: ReadSide,
    /// The process, which goes on folding.
    pub projector: Process,
}

#[derive(Default)]
struct Measured {
    replays: Samples,
    upserts: [Samples; 3],
    projector_cpu_us: Samples,
    mongodb_cpu_us: Samples,
    unfinished: usize,
    mean_bytes: usize,
}

/// One replay: events in a second, and the processor time of an event.
struct Replay {
    replayed: Replayed,
    per_second: f64,
    projector_cpu_us: f64,
    mongodb_cpu_us: f64,
    finished: bool,
}

/// Replays, upserts, replays, upserts.
pub async fn run(stage: &Stage, log: &Log, plan: &Plan) -> Result<(Section, Replayed), BenchError> {
    let mut measured = Measured::default();
    let mut last: Option<Replayed> = None;
    for round in 1..=plan.replay_rounds {
        if let Some(Replayed { read_side, projector }) = last.take() {
            projector.stop().await?;
            stage.mongodb(read_side.name()).await?.drop().await?;
        }
        let replay = replay(stage, log, stage.read_side(round)).await?;
        measured.add(&replay);
        let documents = Upserts::of(&stage.mongodb(replay.replayed.read_side.name()).await?).await?;
        measured.mean_bytes = documents.mean_bytes();
        let database = stage.mongodb(&format!("{}_upserts", stage.name)).await?;
        for (samples, sending) in measured.upserts.iter_mut().zip(SENDINGS) {
            samples.push(documents.run(&database, sending, plan.upsert_time).await?);
        }
        database.drop().await?;
        last = Some(replay.replayed);
    }
    let replayed = last.ok_or(BenchError::Missing("a replay"))?;
    finish(stage, log, &replayed).await?;
    Ok((measured.section(log.head().await?.position.0), replayed))
}

/// Replays once, without measuring.
pub async fn documents(stage: &Stage, log: &Log) -> Result<Replayed, BenchError> {
    let replayed = replay(stage, log, stage.read_side(1)).await?.replayed;
    finish(stage, log, &replayed).await?;
    Ok(replayed)
}

async fn replay(stage: &Stage, log: &Log, read_side: ReadSide) -> Result<Replay, BenchError> {
    let progress = Progress::of(stage, log, &read_side).await?;
    let head = log.head().await?.position.0;
    let database = stage.mongodb(read_side.name()).await?;
    let mongodb_before = server_cpu_us(&database).await?;
    let started = Instant::now();
    let projector = stage.serve("projector", &read_side).await?;
    let mut checkpoint = 0;
    while checkpoint < head && started.elapsed() < REPLAY_TIME_MAX {
        tokio::time::sleep(LOOK_AGAIN).await;
        checkpoint = progress.checkpoint().await?;
    }
    let (events, elapsed) = (checkpoint as f64, started.elapsed().as_secs_f64());
    let mongodb_cpu = server_cpu_us(&database).await? - mongodb_before;
    Ok(Replay {
        per_second: events / elapsed,
        projector_cpu_us: projector.cpu()?.as_secs_f64() * 1e6 / events,
        mongodb_cpu_us: mongodb_cpu / events,
        finished: checkpoint == head,
        replayed: Replayed { read_side, projector },
    })
}

/// The measurements after this one need all documents.
async fn finish(stage: &Stage, log: &Log, replayed: &Replayed) -> Result<(), BenchError> {
    Progress::of(stage, log, &replayed.read_side).await?.drained().await.map(drop)
}

impl Measured {
    fn add(&mut self, replay: &Replay) {
        self.replays.push(replay.per_second);
        self.projector_cpu_us.push(replay.projector_cpu_us);
        self.mongodb_cpu_us.push(replay.mongodb_cpu_us);
        self.unfinished += usize::from(!replay.finished);
    }

    fn section(&self, events: u64) -> Section {
        let names = [
            "events/s, one upsert after another".to_owned(),
            format!("events/s, {UPSERTS_AT_ONCE} upserts under way"),
            format!("events/s, unordered commands of {UPSERTS_PER_COMMAND} upserts"),
        ];
        let targets = [Some(Target::AtLeast(1.0)), None, None];
        let rows = names.into_iter().zip(&self.upserts).zip(targets).map(|((what, upserts), target)| {
            let ratios = ratios(&self.replays, upserts);
            Row {
                what,
                ours: format!("{:.0}", self.replays.median()),
                theirs: format!("{:.0}", upserts.median()),
                ratio: Row::ratio(ratios.median(), &ratios.range(2)),
                target,
            }
        });
        let mut remarks = vec![
            format!(
                "{events} events into all four projections; {} rounds, process start included, {} events/s; upserts of {} bytes on average, all by majority and journal",
                self.replays.len(),
                self.replays.range(0),
                self.mean_bytes
            ),
            format!(
                "processor time for an event: projector {:.0} µs, MongoDB {:.0} µs",
                self.projector_cpu_us.median(),
                self.mongodb_cpu_us.median()
            ),
        ];
        if self.unfinished > 0 {
            let limit_s = REPLAY_TIME_MAX.as_secs();
            remarks.push(format!(
                "{} rounds were cut off after {limit_s} s and are measured by how far they came",
                self.unfinished
            ));
        }
        Section { title: "Replay from position 1".into(), rows: rows.collect(), remarks }
    }
}
