//! One run: the data set, then the comparisons, then the table.

use crate::error::BenchError;
use crate::machine;
use crate::measure::pages::Pages;
use crate::measure::replay::Replayed;
use crate::measure::{buying, fan_out, mutations, passwords, read, replay, visible};
use crate::plan::{PATIENCE, Plan};
use crate::process::Process;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::table::{Section, render};
use crate::tokens::Tokens;
use crate::world::recorder::Recorder;
use crate::world::shop::{self, Shop};
use crate::world::{Size, World, fill};
use millrace_log::Log;
use std::sync::Arc;
use std::time::Instant;
use time::OffsetDateTime;

/// What may be left out, for somebody who works on one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Events per second from position 1. Without it the log is replayed once all the same: that makes the documents.
    Replay,
    /// Pages per second.
    Read,
    /// Commit to visible.
    Visible,
    /// Mutations per second.
    Mutations,
    /// One change to many subscribers, and sockets opened.
    FanOut,
    /// Orders: their pages and histories per second, and how many are placed and paid in a second.
    Shop,
    /// What others wait while passwords are guessed, and how long a wrong one takes.
    Passwords,
}

/// Measures, and prints the table.
pub async fn run(parts: &[Part], plan: &Plan) -> Result<(), BenchError> {
    let started = Instant::now();
    let stage = Stage::new().await?;
    let facts = machine::facts(stage.binaries)?;
    stage.make_keys()?;
    let log = stage.log(&stage.name).await?;
    let recorder = fill_log(&log).await?;
    let copy = copy_database(&stage, log).await?;
    let log = stage.log(&stage.name).await?;
    let relay = fill_stream(&stage, &log).await?;
    let mut sections = Vec::new();
    let replayed = if parts.contains(&Part::Replay) {
        say("replaying it, and upserting the same documents");
        let (section, replayed) = replay::run(&stage, &log, plan).await?;
        sections.push(section);
        replayed
    } else {
        say("folding it");
        replay::documents(&stage, &log).await?
    };
    if parts.contains(&Part::Read) {
        say("reading pages");
        let query = stage.serve("query", &replayed.read_side).await?;
        sections.push(read::run(&stage, &Arc::new(Pages::of_posts()), &query, plan).await?);
        query.stop().await?;
    }
    let shop = if parts.contains(&Part::Shop) {
        let (shop, read) = read_orders(&stage, &log, &replayed, plan).await?;
        sections.extend(read);
        shop
    } else {
        Shop::default()
    };
    let Replayed { read_side, projector } = replayed;
    projector.stop().await?;
    relay.stop().await?;
    let all = stage.serve("all", &read_side).await?;
    if parts.contains(&Part::Visible) {
        say("one command at a time");
        let bench = visible::Bench {
            stage: &stage,
            log: &log,
            all: &all,
            read_side: &read_side,
            copy: &copy,
            recorder: &recorder,
        };
        sections.push(visible::run(&bench, plan).await?);
    }
    if parts.contains(&Part::FanOut) {
        say("ten thousand subscribers");
        sections.push(fan_out::run(&all, &Tokens::new(&stage)?, plan).await?);
    }
    if parts.contains(&Part::Mutations) {
        say("many commands");
        let bench = mutations::Bench { stage: &stage, log: &log, all: &all, read_side: &read_side, copy: &copy };
        sections.push(mutations::run(&bench, plan).await?);
    }
    if parts.contains(&Part::Shop) {
        say("buying");
        let bench = mutations::Bench { stage: &stage, log: &log, all: &all, read_side: &read_side, copy: &copy };
        sections.push(buying::run(&bench, &shop.products, plan).await?);
    }
    if parts.contains(&Part::Passwords) {
        say("guessing passwords");
        sections.push(passwords::run(&stage, &all, plan).await?);
    }
    all.stop().await?;
    print(facts, &sections, started);
    Ok(())
}

/// Makes the shop, which the replay before had not to fold, and reads its pages.
async fn read_orders(
    stage: &Stage,
    log: &Log,
    replayed: &Replayed,
    plan: &Plan,
) -> Result<(Shop, Vec<Section>), BenchError> {
    say("making the shop");
    let shop = shop::fill(stage, log).await?;
    Progress::of(stage, log, &replayed.read_side).await?.drained().await?;
    say("reading orders");
    let query = stage.serve("query", &replayed.read_side).await?;
    let mut sections = Vec::new();
    for pages in [Pages::of_orders, Pages::of_histories] {
        let pages = Arc::new(pages(&shop, &Tokens::new(stage)?));
        sections.push(read::run(stage, &pages, &query, plan).await?);
    }
    query.stop().await?;
    Ok((shop, sections))
}

fn say(what: &str) {
    eprintln!("bench: {what}");
}

fn print(mut facts: Vec<String>, sections: &[Section], started: Instant) {
    facts.push(format!("the run took {:.0} s", started.elapsed().as_secs_f64()));
    println!("{}", render(&facts, sections));
}

async fn fill_log(log: &Log) -> Result<Recorder, BenchError> {
    let started = Instant::now();
    let world = World::new(Size::FULL, OffsetDateTime::now_utc());
    let recorder = fill::fill(log, &world).await?;
    say(&format!("{} events recorded and sequenced in {:.1} s", world.size.events(), started.elapsed().as_secs_f64()));
    Ok(recorder)
}

/// PostgreSQL copies a database only while nobody is connected to it.
async fn copy_database(stage: &Stage, log: Log) -> Result<String, BenchError> {
    log.close().await?;
    let copy = format!("{}_bare", stage.name);
    stage.execute_on_server(&format!("CREATE DATABASE {copy} TEMPLATE {}", stage.name)).await?;
    Ok(copy)
}

/// Starts a relay and waits until the stream has all of the log.
async fn fill_stream(stage: &Stage, log: &Log) -> Result<Process, BenchError> {
    let started = Instant::now();
    let relay = stage.serve("relay", &stage.read_side(0)).await?;
    let progress = Progress::of(stage, log, &stage.read_side(0)).await?;
    let head = log.head().await?.position.0;
    while progress.stream_last().await? < head {
        if started.elapsed() > PATIENCE {
            return Err(BenchError::TooSlow("filling the stream".into()));
        }
        tokio::time::sleep(crate::plan::LOOK_AGAIN).await;
    }
    say(&format!("the stream has them after {:.1} s", started.elapsed().as_secs_f64()));
    Ok(relay)
}
