//! Mutations in a second through GraphQL, against `pgbench` of the same statements, and what backlog they leave.

use super::visible::{add_comment_body, is_accepted};
use crate::bare::pgbench::{Pgbench, Scripts, Sequencing};
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, graphql};
use crate::load::{self, Load, Work};
use crate::plan::{COMMENTS_OF_TEN, MUTATION_CLIENTS, POSTS, Plan, USERS};
use crate::process::Process;
use crate::progress::{Places, Progress};
use crate::stage::{ReadSide, Stage};
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use crate::tokens::Tokens;
use crate::world::{Size, ids, words};
use millrace_log::Log;
use std::sync::Arc;

/// What the whole needs.
pub struct Bench<'a> {
    pub stage: &'a Stage,
    pub log: &'a Log,
    /// The process with all roles.
    pub all: &'a Process,
    pub read_side: &'a ReadSide,
    /// A copy of the log's database, for `pgbench`.
    pub copy: &'a str,
}

/// Comments and likes by anybody on any post.
pub(super) struct Mutations(pub Tokens);

impl Work for Mutations {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        let below = |dice: &mut Dice, end: u32| u32::try_from(dice.below(end as usize)).unwrap_or_default();
        let (user, post) = (below(dice, USERS), below(dice, POSTS));
        let body = match dice.below(10) {
            kind if kind < COMMENTS_OF_TEN => add_comment_body(post, &words::comment(dice)),
            _ => like_post_body(post),
        };
        graphql(Some(self.0.of(user)), &body, into);
    }

    fn accepts(&self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200 && is_accepted(answer.body)
    }
}

fn like_post_body(post: u32) -> String {
    format!(
        r#"{{"query":"mutation($input: LikePostInput!) {{ likePost(input: $input) {{ receipt {{ accepted consistencyToken }} errors {{ code }} }} }}","variables":{{"input":{{"postId":"{}"}}}}}}"#,
        ids::post(post).to_global()
    )
}

/// The rounds of one number of clients.
#[derive(Default)]
struct Rounds {
    ours: Samples,
    with_drain: Samples,
    transactions: Samples,
    sequenced: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
    cpu_us: Samples,
    behind: Samples,
    drained_ms: Samples,
    refused: u64,
    first_refusal: Option<String>,
}

/// Ours, theirs, ours, theirs.
pub async fn run(bench: &Bench<'_>, plan: &Plan) -> Result<Section, BenchError> {
    let mut section = Section {
        title: "Mutations: seven addComment to three likePost, through GraphQL, all roles in one process".into(),
        ..Section::default()
    };
    let Some(pgbench) = Pgbench::new(bench.stage, bench.copy, Size::FULL, Scripts::COMMUNITY)? else {
        section.remarks.push("pgbench is not beside this machine's PostgreSQL: nothing to compare with".into());
        return Ok(section);
    };
    let copy = bench.stage.log(bench.copy).await?;
    let time = plan.mutation_time;
    let progress = Progress::of(bench.stage, bench.log, bench.read_side).await?;
    for clients in MUTATION_CLIENTS {
        let mut rounds = Rounds::default();
        for round in 0..plan.mutation_rounds {
            let load = Load { address: bench.all.address("graphql")?.to_owned(), clients, time, round };
            rounds.ours(bench, &progress, &load).await?;
            rounds.transactions.push(pgbench.run(clients, time, Sequencing::Left, &[]).await?);
            // The outbox that this left is not to burden the next.
            copy.sequence().await?;
            rounds.sequenced.push(pgbench.run(clients, time, Sequencing::EachTime, &[]).await?);
        }
        rounds.report(clients, &mut section);
    }
    let Places { head, stream, checkpoint } = progress.places().await?;
    section.remarks.push(format!("at the end: log {head}, stream {stream}, lowest checkpoint {checkpoint}"));
    Ok(section)
}

impl Rounds {
    async fn ours(&mut self, bench: &Bench<'_>, progress: &Progress, load: &Load) -> Result<(), BenchError> {
        let mutations = Arc::new(Mutations(Tokens::new(bench.stage)?));
        let cpu_before = bench.all.cpu()?;
        let served = load::run(load, &mutations).await?;
        let behind = progress.places().await?.behind();
        let drained = progress.drained().await?;
        let cpu = bench.all.cpu()? - cpu_before;
        self.ours.push(served.per_second());
        self.with_drain.push(served.accepted as f64 / (served.elapsed + drained).as_secs_f64());
        self.p50_ms.push(served.latencies_ms.median());
        self.p99_ms.push(served.latencies_ms.percentile(99.0));
        self.cpu_us.push(cpu.as_secs_f64() * 1e6 / served.accepted as f64);
        self.behind.push(behind as f64);
        self.drained_ms.push_ms(drained);
        self.refused += served.refused;
        self.first_refusal = self.first_refusal.take().or(served.first_refusal);
        Ok(())
    }

    fn report(&self, clients: usize, section: &mut Section) {
        let against = |what: &str, ours: &Samples, theirs: &Samples, target: Option<Target>| {
            let ratios = ratios(ours, theirs);
            Row {
                what: format!("{what}, {clients} clients"),
                ours: format!("{:.0}", ours.median()),
                theirs: format!("{:.0}", theirs.median()),
                ratio: Row::ratio(ratios.median(), &ratios.range(2)),
                target,
            }
        };
        let target = Some(Target::AtLeast(0.5));
        section.rows.extend([
            against("mutations/s against the transactions alone", &self.ours, &self.transactions, target),
            against("  the time of draining counted in", &self.with_drain, &self.transactions, None),
            against("  against transactions each with its sequencing call", &self.ours, &self.sequenced, None),
        ]);
        section.remarks.push(format!(
            "{clients} clients: p50 {:.1} ms, p99 {:.1} ms; {:.0} µs of our processor time for a mutation, its folding included; at the end {} events behind, drained in {} ms",
            self.p50_ms.median(),
            self.p99_ms.median(),
            self.cpu_us.median(),
            self.behind.range(0),
            self.drained_ms.range(0),
        ));
        if let Some(first) = &self.first_refusal {
            section.remarks.push(format!("{} mutations were not accepted; the first: {first}", self.refused));
        }
    }
}
