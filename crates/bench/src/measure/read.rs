//! A post with its author and its 20 newest comments, against a bare axum + Redis GET of the same bytes.

use crate::bare::page_server;
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, Connection, get, graphql};
use crate::load::{self, Load, Served, Work};
use crate::plan::{POSTS, Plan, READ_CONNECTIONS, READ_WARM_UP};
use crate::process::Process;
use crate::stage::Stage;
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use crate::world::{World, ids};
use redis::aio::MultiplexedConnection;
use std::sync::Arc;

const QUERY: &str = "query Page($id: ID!) { post(id: $id) { id title body tags createdAt commentCount likeCount \
    author { id fullName avatarUrl } comments(first: 20) { nodes { id text createdAt author { id fullName avatarUrl } } } } }";
const PAGE_BEGIN: &[u8] = br#"{"data":{"post":{"id":"#;

/// Asks our query role for pages.
struct Ours(Arc<World>);

/// Asks the bare server for the same pages.
struct Theirs(Arc<World>);

impl Work for Ours {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        request(self.0.some_post(dice), into);
    }

    fn accepts(&self, answer: &Answer<'_>) -> bool {
        is_page(answer)
    }
}

impl Work for Theirs {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        get(&page_server::path(self.0.some_post(dice)), into);
    }

    fn accepts(&self, answer: &Answer<'_>) -> bool {
        is_page(answer)
    }
}

fn request(post: u32, into: &mut Vec<u8>) {
    let body = format!(r#"{{"query":"{QUERY}","variables":{{"id":"{}"}}}}"#, ids::post(post).to_global());
    graphql(None, &body, into);
}

fn is_page(answer: &Answer<'_>) -> bool {
    answer.status == 200 && answer.body.starts_with(PAGE_BEGIN)
}

/// One side's rounds at one number of connections.
#[derive(Default)]
struct Side {
    per_second: Samples,
    server_us: Samples,
    redis_us: Samples,
    load_us: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
    refused: u64,
    first_refusal: Option<String>,
}

/// What is loaded, and who serves it.
struct Bench<'a> {
    plan: &'a Plan,
    world: Arc<World>,
    query: &'a Process,
    bare: Process,
    redis: MultiplexedConnection,
}

/// Ours, theirs, ours, theirs.
pub async fn run(stage: &Stage, world: &Arc<World>, query: &Process, plan: &Plan) -> Result<Section, BenchError> {
    let prefix = format!("{}_pages", stage.name);
    let mean_bytes = copy_pages(stage, query, &prefix).await?;
    let this = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let bare = Process::start("the bare server", this.as_os_str(), |command| {
        command.args(["serve-pages", "--redis", &stage.urls.redis, "--prefix", &prefix]);
    });
    let mut bench = Bench { plan, world: Arc::clone(world), query, bare: bare.await?, redis: stage.redis().await? };
    let mut section =
        Section { title: "Read: a post, its author, its 20 newest comments".into(), ..Section::default() };
    for connections in READ_CONNECTIONS {
        bench.compare(connections, &mut section).await?;
    }
    let evicted = figure(&mut bench.redis, "evicted_keys").await?;
    section.remarks.push(format!(
        "{} rounds of {} s each; answers of {mean_bytes} bytes on average, the same bytes on both sides; posts by Zipf; {evicted:.0} keys evicted",
        plan.read_rounds,
        plan.read_time.as_secs()
    ));
    bench.bare.stop().await?;
    Ok(section)
}

/// Puts every page where the bare server finds it, and so warms our cache. Answers the bytes of a page on average.
async fn copy_pages(stage: &Stage, query: &Process, prefix: &str) -> Result<u64, BenchError> {
    let (mut connection, mut redis) = (Connection::open(query.address("graphql")?).await?, stage.redis().await?);
    let (mut request_bytes, mut bytes) = (Vec::new(), 0);
    for post in 0..POSTS {
        request_bytes.clear();
        request(post, &mut request_bytes);
        let answer = connection.send(&request_bytes).await?;
        if !is_page(&answer) {
            return Err(answer.unexpected("the query role"));
        }
        bytes += answer.body.len() as u64;
        let () = redis::cmd("SET").arg(page_server::key(prefix, post)).arg(answer.body).query_async(&mut redis).await?;
    }
    Ok(bytes / u64::from(POSTS))
}

impl Bench<'_> {
    async fn compare(&mut self, connections: usize, section: &mut Section) -> Result<(), BenchError> {
        let (ours, theirs) = (Arc::new(Ours(Arc::clone(&self.world))), Arc::new(Theirs(Arc::clone(&self.world))));
        let load = |address: &str, round, time| Load { address: address.to_owned(), clients: connections, time, round };
        let (our_address, their_address) =
            (self.query.address("graphql")?.to_owned(), self.bare.address(page_server::WHAT)?.to_owned());
        load::run(&load(&our_address, 0, READ_WARM_UP), &ours).await?;
        load::run(&load(&their_address, 0, READ_WARM_UP), &theirs).await?;
        let mut sides = [Side::default(), Side::default()];
        for round in 1..=self.plan.read_rounds {
            let time = self.plan.read_time;
            let query = self.query;
            sides[0].round(query, &mut self.redis, &load(&our_address, round, time), &ours).await?;
            sides[1].round(&self.bare, &mut self.redis, &load(&their_address, round, time), &theirs).await?;
        }
        let [ours, theirs] = sides;
        section.rows.extend(rows(connections, &ours, &theirs));
        section.remarks.extend([ours, theirs].iter().flat_map(Side::remarks));
        Ok(())
    }
}

fn rows(connections: usize, ours: &Side, theirs: &Side) -> [Row; 2] {
    let (requests, costs) = (ratios(&ours.per_second, &theirs.per_second), ratios(&theirs.server_us, &ours.server_us));
    let throughput = Row {
        what: format!("requests/s, {connections} connections"),
        ours: format!("{:.0}", ours.per_second.median()),
        theirs: format!("{:.0}", theirs.per_second.median()),
        ratio: Row::ratio(requests.median(), &requests.range(2)),
        target: Some(Target::AtLeast(0.25)),
    };
    let cost = Row {
        what: "  server's µs of processor time for a request".to_owned(),
        ours: format!("{:.0}", ours.server_us.median()),
        theirs: format!("{:.0}", theirs.server_us.median()),
        ratio: format!("1 / {:.1}", 1.0 / costs.median()),
        target: None,
    };
    [throughput, cost]
}

impl Side {
    async fn round<W: Work>(
        &mut self,
        server: &Process,
        redis: &mut MultiplexedConnection,
        load: &Load,
        work: &Arc<W>,
    ) -> Result<(), BenchError> {
        let redis_before = redis_cpu_us(redis).await?;
        let (server_before, load_before) = (server.cpu()?, crate::cpu::used(std::process::id())?);
        let served = load::run(load, work).await?;
        let (server_used, load_used) =
            (server.cpu()? - server_before, crate::cpu::used(std::process::id())? - load_before);
        let redis_used = redis_cpu_us(redis).await? - redis_before;
        let requests = (served.accepted + served.refused) as f64;
        self.server_us.push(server_used.as_secs_f64() * 1e6 / requests);
        self.load_us.push(load_used.as_secs_f64() * 1e6 / requests);
        self.redis_us.push(redis_used / requests);
        self.add(served);
        Ok(())
    }

    fn add(&mut self, served: Served) {
        self.per_second.push(served.per_second());
        self.p50_ms.push(served.latencies_ms.median());
        self.p99_ms.push(served.latencies_ms.percentile(99.0));
        self.refused += served.refused;
        self.first_refusal = self.first_refusal.take().or(served.first_refusal);
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!(
            "p50 {:.1} ms, p99 {:.1} ms; µs of processor time for a request: server {:.0}, Redis {:.0}, load {:.0}",
            self.p50_ms.median(),
            self.p99_ms.median(),
            self.server_us.median(),
            self.redis_us.median(),
            self.load_us.median()
        )];
        if let Some(first) = &self.first_refusal {
            remarks.push(format!("{} requests were not answered as they should be; the first: {first}", self.refused));
        }
        remarks
    }
}

/// Processor time that Redis has used, in microseconds.
async fn redis_cpu_us(redis: &mut MultiplexedConnection) -> Result<f64, BenchError> {
    Ok((figure(redis, "used_cpu_sys").await? + figure(redis, "used_cpu_user").await?) * 1e6)
}

/// A number out of what Redis tells about itself.
async fn figure(redis: &mut MultiplexedConnection, name: &str) -> Result<f64, BenchError> {
    let text: String = redis::cmd("INFO").arg("everything").query_async(redis).await?;
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
    found.ok_or(BenchError::Missing("a figure of Redis"))
}
