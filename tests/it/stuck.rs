//! What the pipeline page is told while one projection hangs, and after. It is kept in `web-playground/test/replay/recorded/`, where the
//! page's own tests show it again.

use crate::checker::checkpoint;
use crate::harness::client::Person;
use crate::harness::eventually;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The projection that hangs.
const HANGS: &str = "content";
/// Others, which go on meanwhile.
const GO_ON: [&str; 3] = ["people", "shop", "commands"];
/// Where the page's operations are.
const PAGE: &str = include_str!("../../web-playground/src/pipeline/operations.ts");
/// So many samples, one a second, until something must have shown.
const SAMPLES_MAX: usize = 60;
/// MongoDB ends a transaction after 5 s by itself: what is not told after so many samples is told no more, and the hang is tried again.
const SAMPLES_HELD: usize = 6;
const HANGS_MAX: u32 = 10;

/// A moment of the recording, and what is so in it.
type Phase = (&'static str, fn(&Value) -> bool);

const WELL: Phase = ("well", is_well);
const WAITING: Phase = ("waiting", |sample| waiting(sample) >= 1 && of(sample, HANGS)["isStuck"] == false);
const STUCK: Phase = ("stuck", is_stuck);
const MORE_WAITS: Phase = ("more waits", |sample| is_stuck(sample) && waiting(sample) >= 2);
const WELL_AGAIN: Phase = ("well again", is_well);

/// `UPDATE=1 cargo test --test it stuck` records it anew.
#[tokio::test]
async fn a_projection_that_hangs_is_told_as_stuck_until_it_is_let_go() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__PIPELINE", "true");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let mut feed = Feed::open(&process.graphql()).await;
    post(&ada).await;
    feed.reaches(WELL).await;

    let mut tried = 0;
    while !feed.shows_a_hang(&stage, &ada).await {
        tried += 1;
        assert!(tried < HANGS_MAX, "no hang of {tried} was told: {:#}", feed.last);
    }
    feed.reaches(WELL_AGAIN).await;
    process.stop().await;
    is_as_recorded(&json!({ "operation": operation(), "samples": feed.samples }));
}

/// The recording is of what the page asks, and shows what is so now.
fn is_as_recorded(told: &Value) {
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(told).expect("JSON");
        std::fs::write(recording(), text + "\n").expect("the recording is written");
    }
    let recorded = std::fs::read_to_string(recording()).expect("the recording");
    let recorded: Value = serde_json::from_str(&recorded).expect("JSON");
    assert_eq!(recorded["operation"], told["operation"], "the page asks for something else: record it anew");
    for (name, is_so) in [WELL, WAITING, STUCK, MORE_WAITS, WELL_AGAIN] {
        assert!(is_so(&recorded["samples"][name]), "{name} is recorded otherwise: {:#}", recorded["samples"][name]);
    }
}

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web-playground/test/replay/recorded/hanging-projection.json")
}

/// The page's own subscription.
fn operation() -> String {
    let text = |name: &str, quote: char| {
        let (_, rest) = PAGE.split_once(&format!("const {name} = {quote}")).expect("the page's operation");
        rest.split_once(quote).expect("its end").0.to_owned()
    };
    text("PIPELINE", '`').replace("${HOP}", &text("HOP", '\''))
}

/// The page's feed, and what was told at each phase.
struct Feed {
    socket: Socket,
    samples: serde_json::Map<String, Value>,
    last: Value,
}

impl Feed {
    async fn open(url: &str) -> Self {
        let mut socket = Socket::open(url, None).await;
        socket.subscribe("pipeline", &operation(), json!({})).await;
        Self { socket, samples: serde_json::Map::new(), last: Value::Null }
    }

    /// True if all of a hang was told while it lasted.
    async fn shows_a_hang(&mut self, stage: &Stage, ada: &Person) -> bool {
        let held = hold(stage, HANGS).await;
        post(ada).await;
        let is_told = self.shows(WAITING, SAMPLES_HELD).await && self.shows(STUCK, SAMPLES_HELD).await;
        post(ada).await;
        let is_told = is_told && self.shows(MORE_WAITS, SAMPLES_HELD).await;
        release(held).await;
        is_told
    }

    async fn reaches(&mut self, phase: Phase) {
        assert!(self.shows(phase, SAMPLES_MAX).await, "it was never {}: {:#}", phase.0, self.last);
    }

    /// Keeps the first sample in which it is so; false if none of so many is.
    async fn shows(&mut self, (name, is_so): Phase, samples_max: usize) -> bool {
        for _ in 0..samples_max {
            self.last = self.socket.event("pipeline", name).await;
            if is_so(&self.last) {
                self.samples.insert(name.to_owned(), self.last.clone());
                return true;
            }
        }
        false
    }
}

fn of<'a>(sample: &'a Value, name: &str) -> &'a Value {
    let all = sample["projections"].as_array().expect("projections");
    all.iter().find(|projection| projection["name"] == name).expect("the projection")
}

fn has_all(sample: &Value, name: &str) -> bool {
    let projection = of(sample, name);
    projection["position"] == sample["logPosition"] && projection["isStuck"] == false
}

fn is_well(sample: &Value) -> bool {
    sample["troubles"] == json!([]) && has_all(sample, HANGS) && GO_ON.iter().all(|name| has_all(sample, name))
}

/// That one alone, which is said in words too.
fn is_stuck(sample: &Value) -> bool {
    let words = format!("{} events wait, and none was folded", waiting(sample));
    of(sample, HANGS)["isStuck"] == true
        && sample["troubles"] == json!([{ "part": HANGS, "message": words }])
        && GO_ON.iter().all(|name| has_all(sample, name))
}

/// Events that wait for it; none are known of while no relay is heard.
fn waiting(sample: &Value) -> u64 {
    of(sample, HANGS)["backlog"].as_str().map_or(0, |backlog| backlog.parse().expect("a number"))
}

/// Its answer does not wait for the read side.
async fn post(ada: &Person) {
    ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
}

/// Writes the projection's checkpoint in a transaction that is left open: no other can write it meanwhile.
async fn hold(stage: &Stage, projection: &str) -> ClientSession {
    let database = stage.mongodb().await;
    let name = checkpoint(&database, projection).await.expect("a checkpoint").collection;
    let documents = database.collection::<Document>(&name);
    eventually("the checkpoint is held", || async {
        let mut session = database.client().start_session().await.expect("a session");
        session.start_transaction().await.expect("a transaction");
        let held = doc! { "$set": { "held": true } };
        let written = documents.update_one(doc! { "_id": "checkpoint" }, held).session(&mut session).await;
        written.ok().map(|_| session)
    })
    .await
}

async fn release(mut held: ClientSession) {
    // MongoDB may have ended it before.
    let _ = held.abort_transaction().await;
}
