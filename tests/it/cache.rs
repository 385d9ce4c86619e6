//! Redis is disposable: filled late, flushed, killed and full it costs time, and never an answer.

use crate::acknowledged::Acknowledged;
use crate::checker::cache::{Cached, cached, equals_documents, equals_documents_in_time, head};
use crate::checker::log::Log;
use crate::checker::{checkpoint, everything_holds, settled};
use crate::harness::client::{Client, Person, token};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use crate::load::Load;
use crate::market::Market;
use crate::witness::Witness;
use millrace_read::models::NAMES;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const PEOPLE: usize = 2;
const WITNESSES: usize = 3;
/// So many pieces are there of what a witness alone buys, and it gives each back.
const WITNESSED_STOCK: usize = 3;
/// In each state of Redis so many commands are answered, and so many reads of each witness.
const COMMANDS: usize = 60;
const READS: usize = 12;
const FLUSH_EVERY: Duration = Duration::from_millis(100);
const FLUSHES_MIN: usize = 15;

/// Posts of which some change, some go, and some stay.
const POSTS: usize = 24;
/// Later than all writes, and sooner than the look at what is cached.
const FILLS_LATE: &str = "reader.before_fill(content)=stall:3000";

const CACHE_READS: &str = "millrace_cache_reads_total";
const CACHE_FILLS: &str = "millrace_cache_fills_total";

const POST: &str = "query($id: ID!) { post(id: $id) { title likeCount } }";

async fn post(client: &Client, id: &str, token: &str) -> Value {
    client.ask_with(POST, json!({ "id": id }), &[("millrace-consistency", token)]).await["post"].clone()
}

/// A post, and the token that shows it.
async fn write_post(author: &Client) -> (String, String) {
    let payload = author.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    (payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned(), token(&payload))
}

/// What lies in Redis of a post.
async fn in_cache(stage: &Stage, id: &str) -> Option<Cached> {
    let id = millrace_events::PostId::from_global(id).expect("an id");
    let found = cached(stage, &mut stage.redis().await, "content").await;
    found.into_iter().find(|(key, _)| *key == format!("post:{id}")).map(|(_, cached)| cached)
}

/// Begins to read a post through a process that fills late, and pauses that when it has read the post and may fill.
async fn begin_late_fill(stage: &Stage, late: &Process, id: &str, token: &str) -> tokio::task::JoinHandle<Value> {
    settled(stage).await;
    let stalls = || late.log().iter().filter(|line| line.contains("stalls at reader.before_fill")).count();
    let before = stalls();
    let (reader, id_read, token) = (Client::new(&late.graphql()), id.to_owned(), token.to_owned());
    let reading = tokio::spawn(async move { post(&reader, &id_read, &token).await });
    eventually("it is about to fill", || async { (stalls() > before).then_some(()) }).await;
    late.pause().await;
    reading
}

/// What has changed is written through before the process that fills late goes on: that withdraws its permission.
async fn end_late_fill(stage: &Stage, late: &Process, id: &str, reading: tokio::task::JoinHandle<Value>) -> Value {
    eventually("it may not fill any more", || async {
        (in_cache(stage, id).await != Some(Cached::Leased)).then_some(())
    })
    .await;
    late.wake().await;
    reading.await.expect("its end")
}

#[tokio::test]
async fn who_fills_the_cache_late_loses() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let late =
        [("MILLRACE_COMMAND__URL", "http://127.0.0.1:9"), ("MILLRACE_FAIL_POINTS", "reader.before_fill=stall:2500")];
    let late = Process::serve("query", &stage.environment_with(&late)).await;
    let (ada, reader) = (client.sign_up("Ada").await, Client::new(&late.graphql()));

    let (changed, shown) = write_post(&ada.client).await;
    let reading = begin_late_fill(&stage, &late, &changed, &shown).await;
    let liked = token(&ada.client.command("likePost", json!({ "postId": changed }), "").await);
    let read = end_late_fill(&stage, &late, &changed, reading).await;
    assert_eq!(read["likeCount"], 0, "right when it was read");
    assert_eq!(post(&client, &changed, &liked).await["likeCount"], 1);
    assert_eq!(post(&reader, &changed, &shown).await["likeCount"], 1, "nothing older was filled in");

    let (deleted, shown) = write_post(&ada.client).await;
    let reading = begin_late_fill(&stage, &late, &deleted, &shown).await;
    let gone = token(&ada.client.command("deletePost", json!({ "postId": deleted }), "").await);
    let read = end_late_fill(&stage, &late, &deleted, reading).await;
    assert_eq!(read["title"], "A", "right when it was read");
    eventually("it is known to be gone", || async {
        assert_eq!(post(&client, &deleted, &gone).await, Value::Null);
        let found = in_cache(&stage, &deleted).await;
        assert!(!matches!(found, Some(Cached::Document(_))), "what is gone was filled in");
        (found == Some(Cached::Absent)).then_some(())
    })
    .await;
    assert!(metric(&late, CACHE_FILLS, "lost").await >= 1);

    let (kept, shown) = write_post(&ada.client).await;
    settled(&stage).await;
    // A lease that ran out on a busy machine is a fill that was lost: then the next reader fills.
    eventually("nobody was faster", || async {
        assert_eq!(post(&reader, &kept, &shown).await["title"], "A");
        matches!(in_cache(&stage, &kept).await, Some(Cached::Document(_))).then_some(())
    })
    .await;
    assert!(equals_documents_in_time(&stage, Instant::now()).await >= 3);
    late.stop().await;
    all.stop().await;
}

/// Waits until MongoDB has the whole log, whatever Redis has.
async fn folded(stage: &Stage) {
    let (mongodb, log) = (stage.mongodb().await, Log::of(stage).await);
    for projection in NAMES {
        eventually(&format!("{projection} has folded the log"), || async {
            let head = log.head().await;
            (checkpoint(&mongodb, projection).await?.position() == head).then_some(())
        })
        .await;
    }
}

/// Readers read what then changes or goes, and fill the cache three seconds later. Others read before and meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_seconds_after_the_last_write_every_cached_document_is_mongodbs() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let late = [("MILLRACE_COMMAND__URL", "http://127.0.0.1:9"), ("MILLRACE_FAIL_POINTS", FILLS_LATE)];
    let late = Process::serve("query", &stage.environment_with(&late)).await;
    let (ada, reader) = (client.sign_up("Ada").await, Client::new(&late.graphql()));
    let mut posts = Vec::new();
    for _ in 0..POSTS {
        posts.push(write_post(&ada.client).await);
    }
    settled(&stage).await;
    // Every third is in the cache by now; the others lie nowhere but in MongoDB.
    for (id, shown) in posts.iter().step_by(3) {
        post(&client, id, shown).await;
    }
    let readings = posts.iter().map(|(id, shown)| {
        let (reader, id, shown) = (reader.clone(), id.clone(), shown.clone());
        tokio::spawn(async move { post(&reader, &id, &shown).await })
    });
    let readings: Vec<_> = readings.collect();
    let leased = posts.iter().enumerate().filter(|(number, _)| number % 3 != 0).count();
    eventually("they have read, and will fill", || async {
        let stalled = late.log().iter().filter(|line| line.contains("stalls at reader.before_fill")).count();
        (stalled >= leased).then_some(())
    })
    .await;

    for (number, (id, _)) in posts.iter().enumerate() {
        match number % 4 {
            0 => drop(ada.client.command("deletePost", json!({ "postId": id }), "").await),
            1 => drop(ada.client.command("editPost", json!({ "postId": id, "title": "Changed" }), "").await),
            2 => drop(ada.client.command("likePost", json!({ "postId": id }), "").await),
            _ => {}
        }
        if number % 2 == 0 {
            client.send(POST, json!({ "id": id }), &[]).await.expect("an answer");
        }
    }
    folded(&stage).await;
    let quiet_since = Instant::now();
    for reading in readings {
        reading.await.expect("its end");
    }
    assert!(quiet_since.elapsed() < Duration::from_secs(5), "the readers have filled, or not, before the look");
    assert!(equals_documents_in_time(&stage, quiet_since).await > 0, "something is cached");
    for (id, _) in posts.iter().step_by(4) {
        let found = in_cache(&stage, id).await;
        assert!(matches!(found, None | Some(Cached::Absent)), "what is gone is cached: {found:?}");
    }
    assert!(metric(&late, CACHE_FILLS, "lost").await >= 1, "no reader was late");
    late.stop().await;
    all.stop().await;
}

/// As after MongoDB was put back to an older copy: what lies in Redis is of a generation that is not served any more.
#[tokio::test]
async fn a_head_of_a_generation_that_is_not_served_gives_way() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let (id, shown) = write_post(&client.sign_up("Ada").await.client).await;
    settled(&stage).await;
    let (mut redis, key) = (stage.redis().await, format!("{}:{{content}}:head", stage.name));
    let served: String = redis::cmd("GET").arg(&key).query_async(&mut redis).await.expect("a head");
    let later = served.replacen("\"generation\":1,", "\"generation\":9,", 1);
    assert_ne!(served, later);
    redis::cmd("SET").arg(&key).arg(later).exec_async(&mut redis).await.expect("an answer");
    eventually("the served generation has its head again, and what is read is cached", || async {
        post(&client, &id, &shown).await;
        let found = head(&stage, &mut stage.redis().await, "content").await?;
        (found["generation"] == 1).then_some(())?;
        matches!(in_cache(&stage, &id).await, Some(Cached::Document(_))).then_some(())
    })
    .await;
    all.stop().await;
}

/// The value of a metric with these labels; 0 if it was never counted.
async fn metric(process: &Process, name: &str, result: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", process.operations())).await.expect("an answer").text().await;
    let head = format!("{name}{{projection=\"content\",result=\"{result}\"}} ");
    text.expect("text").lines().find_map(|line| line.strip_prefix(&head)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn hits_and_misses_are_counted() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let (id, shown) = write_post(&ada.client).await;
    // What is still being written through is not filled in by a reader, nor is what it has been too slow for.
    settled(&stage).await;
    eventually("it is filled in", || async {
        post(&client, &id, &shown).await;
        matches!(in_cache(&stage, &id).await, Some(Cached::Document(_))).then_some(())
    })
    .await;
    post(&client, &id, &shown).await;
    let (hits, absences) = (metric(&all, CACHE_READS, "hit").await, metric(&all, CACHE_READS, "absent").await);
    assert!(hits >= 1 && metric(&all, CACHE_READS, "miss").await >= 1);
    let filled = metric(&all, CACHE_FILLS, "done").await;
    assert!(filled >= 1);
    post(&client, &id, &shown).await;
    assert_eq!(metric(&all, CACHE_READS, "hit").await, hits + 1);
    let nothing = millrace_events::PostId::generate().to_global();
    for _ in 0..2 {
        assert_eq!(post(&client, &nothing, &shown).await, Value::Null);
    }
    assert_eq!(metric(&all, CACHE_READS, "absent").await, absences + 1);
    assert_eq!(metric(&all, CACHE_FILLS, "done").await, filled + 1);
    all.stop().await;
}

/// People who load the cluster, and witnesses who look at what became of what they did.
struct Work {
    load: Load,
    witnesses: Vec<Witness>,
}

impl Work {
    async fn begin(stage: &Stage, urls: &[String]) -> Self {
        let (client, market) = (Client::new(&urls[0]), Market::open(stage, &urls[0]).await);
        let (mut people, mut posts, mut witnesses): (Vec<Person>, _, _) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..PEOPLE {
            let person = client.sign_up(&format!("Person{number}")).await;
            posts.push(write_post(&person.client).await.0);
            people.push(person);
        }
        for number in 0..WITNESSES {
            let person = client.sign_up(&format!("Witness{number}")).await;
            let product = (market.offer("Millstone", WITNESSED_STOCK).await, WITNESSED_STOCK);
            witnesses.push(Witness::begin(person, urls.to_vec(), number as u64, market.provider.clone(), product));
        }
        Self { load: Load::begin(stage, &market, &people, urls, &posts).await, witnesses }
    }

    /// Commands and reads go on being answered.
    async fn goes_on(&self) {
        let answered = self.load.count();
        for witness in &self.witnesses {
            witness.reads(READS).await;
        }
        self.load.reach(answered + COMMANDS).await;
    }

    async fn end(self) -> Acknowledged {
        for witness in self.witnesses {
            witness.end().await;
        }
        self.load.end().await
    }
}

/// Forgets everything in Redis again and again. Answers how often.
async fn flush_for_ever(stage_redis: redis::aio::MultiplexedConnection, stop: CancellationToken) -> usize {
    let (mut redis, mut count) = (stage_redis, 0);
    while !stop.is_cancelled() {
        redis::cmd("FLUSHALL").exec_async(&mut redis).await.expect("an answer");
        count += 1;
        tokio::time::sleep(FLUSH_EVERY).await;
    }
    count
}

async fn set(stage: &Stage, setting: &str, value: &str) {
    let mut redis = stage.redis().await;
    redis::cmd("CONFIG").arg("SET").arg(setting).arg(value).exec_async(&mut redis).await.expect("a setting");
}

async fn setting(stage: &Stage, setting: &str) -> String {
    let mut redis = stage.redis().await;
    let (_, value): (String, String) =
        redis::cmd("CONFIG").arg("GET").arg(setting).query_async(&mut redis).await.expect("a setting");
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_flushed_killed_and_full_costs_no_answer() {
    let stage = Stage::with_own_servers().await;
    let cluster = Cluster::start(&stage).await;
    let work = Work::begin(&stage, &cluster.urls()).await;
    work.goes_on().await;

    let stop = CancellationToken::new();
    let flushing = tokio::spawn(flush_for_ever(stage.redis().await, stop.clone()));
    work.goes_on().await;
    while !flushing.is_finished() && flushes(&stage).await < FLUSHES_MIN {
        work.goes_on().await;
    }
    stop.cancel();
    let flushed = flushing.await.expect("its end");
    work.goes_on().await;

    let redis = stage.servers.as_ref().expect("own servers").redis();
    redis.kill().expect("Redis dies");
    work.goes_on().await;
    redis.start().await.expect("Redis starts");
    work.goes_on().await;

    let (memory, policy) = (setting(&stage, "maxmemory").await, setting(&stage, "maxmemory-policy").await);
    set(&stage, "maxmemory-policy", "noeviction").await;
    set(&stage, "maxmemory", "1").await;
    work.goes_on().await;
    set(&stage, "maxmemory", &memory).await;
    set(&stage, "maxmemory-policy", &policy).await;
    work.goes_on().await;

    let acknowledged = work.end().await;
    everything_holds(&stage).await;
    assert!(equals_documents(&stage, Instant::now()).await > 0, "the cache is filled again");
    acknowledged.are_in_the_log_once(&stage).await;
    println!("Redis flushed {flushed} times");
    cluster.stop().await;
}

/// How often Redis was flushed since it started.
async fn flushes(stage: &Stage) -> usize {
    let mut redis = stage.redis().await;
    let text: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.expect("an answer");
    let calls = text.lines().find_map(|line| line.strip_prefix("cmdstat_flushall:calls=")?.split(',').next());
    calls.and_then(|calls| calls.parse().ok()).unwrap_or(0)
}
