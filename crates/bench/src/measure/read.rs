//! Pages of one kind, against a bare axum + Redis GET of the same bytes, and where there is one, against a JOIN in PostgreSQL.

use super::pages::Pages;
use crate::bare::{history_server, page_server};
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, Connection, get};
use crate::load::{self, Load, Served, Work};
use crate::plan::{Plan, READ_CONNECTIONS, READ_WARM_UP};
use crate::process::Process;
use crate::stage::Stage;
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use std::sync::Arc;

/// Asks our query role for pages.
pub(super) struct Ours(pub Arc<Pages>);

/// Asks a bare server for the same pages, which it has at this path.
struct Theirs {
    pages: Arc<Pages>,
    path: fn(usize) -> String,
    begin: &'static [u8],
}

impl Work for Ours {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        into.extend_from_slice(self.0.request(self.0.some(dice)));
    }

    fn accepts(&self, _: usize, answer: &Answer<'_>) -> bool {
        self.0.are_in(answer)
    }
}

impl Work for Theirs {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        get(&(self.path)(self.pages.some(dice)), into);
    }

    fn accepts(&self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200 && answer.body.starts_with(self.begin)
    }
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
    pages: Arc<Pages>,
    query: &'a Process,
    bare: Process,
    /// The same by a JOIN in PostgreSQL; none where nothing is joined.
    joined: Option<Process>,
    redis: MultiplexedConnection,
}

/// Ours, theirs, ours, theirs.
pub async fn run(stage: &Stage, pages: &Arc<Pages>, query: &Process, plan: &Plan) -> Result<Section, BenchError> {
    let prefix = format!("{}_{}", stage.name, pages.name);
    let mean_bytes = copy_pages(stage, pages, query, &prefix).await?;
    let this = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let bare = Process::start("the bare server", this.as_os_str(), |command| {
        command.args(["serve-pages", "--redis", &stage.urls.redis, "--prefix", &prefix]);
    });
    let bare = bare.await?;
    let joined = if pages.are_joined { Some(serve_joins(stage).await?) } else { None };
    if let Some(joined) = &joined {
        joins_say_the_same(pages, query, joined).await?;
    }
    let mut bench = Bench { plan, pages: Arc::clone(pages), query, bare, joined, redis: stage.redis().await? };
    let mut section = Section { title: format!("Read: {}", pages.title), ..Section::default() };
    for connections in READ_CONNECTIONS {
        bench.compare(connections, &mut section).await?;
    }
    let evicted = figure(&mut bench.redis, "evicted_keys").await?;
    section.remarks.push(format!(
        "{} rounds of {} s each; {} pages of {mean_bytes} bytes on average, the same bytes on both sides; chosen by Zipf; {evicted:.0} keys evicted",
        plan.read_rounds,
        plan.read_time.as_secs(),
        pages.count(),
    ));
    bench.bare.stop().await?;
    if let Some(joined) = bench.joined {
        joined.stop().await?;
    }
    Ok(section)
}

async fn serve_joins(stage: &Stage) -> Result<Process, BenchError> {
    let this = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let url = stage.postgresql_url(&stage.name);
    Process::start("the joining server", this.as_os_str(), |command| {
        command.arg("serve-histories").env(history_server::URL_VARIABLE, &url);
    })
    .await
}

/// Puts every page where the bare server finds it, and so warms our cache. Answers the bytes of a page on average.
async fn copy_pages(stage: &Stage, pages: &Pages, query: &Process, prefix: &str) -> Result<usize, BenchError> {
    let (mut connection, mut redis) = (Connection::open(query.address("graphql")?).await?, stage.redis().await?);
    let mut bytes = 0;
    for number in 0..pages.count() {
        let answer = connection.send(pages.request(number)).await?;
        if !pages.are_in(&answer) {
            return Err(answer.unexpected("the query role"));
        }
        bytes += answer.body.len();
        let () =
            redis::cmd("SET").arg(page_server::key(prefix, number)).arg(answer.body).query_async(&mut redis).await?;
    }
    Ok(bytes / pages.count())
}

/// What is joined is what we answer, page by page: else the row beside ours would compare two things.
async fn joins_say_the_same(pages: &Pages, query: &Process, joined: &Process) -> Result<(), BenchError> {
    let mut ours = Connection::open(query.address("graphql")?).await?;
    let mut theirs = Connection::open(joined.address(history_server::WHAT)?).await?;
    for number in 0..pages.count() {
        let mut request = Vec::new();
        get(&history_server::path(number), &mut request);
        let said: Value = serde_json::from_slice(ours.send(pages.request(number)).await?.body)?;
        let answer = theirs.send(&request).await?;
        let joined: Value = serde_json::from_slice(answer.body)?;
        if said["data"] != joined["data"] {
            return Err(answer.unexpected(&format!("the joining server, which differs from {said}")));
        }
    }
    Ok(())
}

impl Bench<'_> {
    async fn compare(&mut self, connections: usize, section: &mut Section) -> Result<(), BenchError> {
        let (query, (bare, joined)) = (self.query, (&self.bare, self.joined.as_ref()));
        let ours = Arc::new(Ours(Arc::clone(&self.pages)));
        let at = |path, begin| Arc::new(Theirs { pages: Arc::clone(&self.pages), path, begin });
        let (theirs, joins) =
            (at(page_server::path, self.pages.begin), at(history_server::path, history_server::BEGIN));
        let (mut sides, time) = ([Side::default(), Side::default(), Side::default()], self.plan.read_time);
        // The first round warms up, and is not counted.
        for round in 0..=self.plan.read_rounds {
            let time = if round == 0 { READ_WARM_UP } else { time };
            let load = |server: &Process, what| {
                Ok::<_, BenchError>(Load {
                    address: server.address(what)?.to_owned(),
                    clients: connections,
                    time,
                    round,
                })
            };
            let [of_ours, of_theirs, of_joins] = &mut sides;
            of_ours.round(query, &mut self.redis, &load(query, "graphql")?, &ours).await?;
            of_theirs.round(bare, &mut self.redis, &load(bare, page_server::WHAT)?, &theirs).await?;
            if let Some(joined) = joined {
                of_joins.round(joined, &mut self.redis, &load(joined, history_server::WHAT)?, &joins).await?;
            }
        }
        let [ours, theirs, joins] = sides;
        section.rows.extend(rows(connections, &ours, &theirs));
        section.remarks.extend([&ours, &theirs].into_iter().flat_map(Side::remarks));
        if joined.is_some() {
            section.rows.push(joined_row(connections, &ours, &joins));
            section.remarks.extend(joins.remarks());
        }
        Ok(())
    }
}

/// Not a bound of ours: what a reader without a read side would have.
fn joined_row(connections: usize, ours: &Side, joins: &Side) -> Row {
    let ratios = ratios(&ours.per_second, &joins.per_second);
    Row {
        what: format!("  against the same by JOIN in PostgreSQL, {connections} connections"),
        ours: format!("{:.0}", ours.per_second.median()),
        theirs: format!("{:.0}", joins.per_second.median()),
        ratio: Row::ratio(ratios.median(), &ratios.range(2)),
        target: None,
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
        if load.round == 0 {
            return Ok(());
        }
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
