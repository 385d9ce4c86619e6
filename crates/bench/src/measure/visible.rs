//! From COMMIT until a query shows it, one command at a time, beside the sum of its bare steps.
//!
//! When exactly PostgreSQL committed, a client of a mutation cannot see. So two of three commands are the bench's own: it commits what
//! `addComment` commits, makes the sequencing call that follows, and asks the query role. Of one it asks once, with the consistency token
//! that `addComment` would have given: it is answered as soon as the read side has got there, and until then nothing else runs. Of the
//! other it asks without any, again and again, which takes processor time from what it waits for. The third goes through GraphQL.

use crate::bare::steps::{Steps, Took};
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Connection, graphql, graphql_at};
use crate::plan::{COMMENTS, PATIENCE, POSTS, Plan, QUIET_PAUSE, SEED, USERS};
use crate::process::Process;
use crate::stage::{ReadSide, Stage};
use crate::statistics::Samples;
use crate::table::{Row, Section, Target};
use crate::tokens::Tokens;
use crate::world::fill::add_comment;
use crate::world::recorder::Recorder;
use crate::world::{Written, ids, words};
use millrace_events::{ConsistencyToken, Timestamp};
use millrace_log::{Log, LogHead};
use sea_orm::TransactionTrait;
use serde_json::Value;
use std::time::Instant;
use time::OffsetDateTime;

/// What the whole needs.
pub struct Bench<'a> {
    pub stage: &'a Stage,
    pub log: &'a Log,
    /// The process with all roles.
    pub all: &'a Process,
    pub read_side: &'a ReadSide,
    /// A copy of the log's database, for the bare steps.
    pub copy: &'a str,
    pub recorder: &'a Recorder,
}

#[derive(Default)]
struct Measured {
    commit_to_visible: Samples,
    commit_to_found: Samples,
    commit_to_sequenced: Samples,
    query: Samples,
    sent_to_visible: Samples,
    answer_to_visible: Samples,
    steps: [Samples; 4],
    sums: Samples,
}

/// What asks, and what it asks with.
struct Client {
    connection: Connection,
    tokens: Tokens,
    dice: Dice,
    /// The number of the next comment.
    next: u32,
}

/// One of ours, one mutation, the bare steps; again and again.
pub async fn run(bench: &Bench<'_>, plan: &Plan) -> Result<Section, BenchError> {
    let connection = Connection::open(bench.all.address("graphql")?).await?;
    let tokens = Tokens::new(bench.stage)?;
    let mut client = Client { connection, tokens, dice: Dice::new(SEED, 2), next: COMMENTS };
    let first = Written { number: 0, author: 0, post: 0, at: now() };
    let mut steps = Steps::new(bench.stage, bench.copy, bench.read_side, first).await?;
    let mut measured = Measured::default();
    for _ in 0..plan.quiet_commands {
        tokio::time::sleep(QUIET_PAUSE).await;
        client.commit_and_ask_once(bench, &mut measured).await?;
        tokio::time::sleep(QUIET_PAUSE).await;
        client.commit_and_ask_again(bench, &mut measured).await?;
        tokio::time::sleep(QUIET_PAUSE).await;
        client.mutate(&mut measured).await?;
        tokio::time::sleep(QUIET_PAUSE).await;
        let (comment, text) = client.some_comment();
        measured.add(steps.once(bench.recorder, comment, text).await?);
    }
    Ok(measured.section())
}

fn now() -> Timestamp {
    Timestamp::new(OffsetDateTime::now_utc())
}

impl Client {
    /// A new comment of anybody on any post.
    fn some_comment(&mut self) -> (Written, String) {
        let mut below = |end: u32| u32::try_from(self.dice.below(end as usize)).unwrap_or_default();
        let comment = Written { number: self.next, author: below(USERS), post: below(POSTS), at: now() };
        self.next += 1;
        (comment, words::comment(&mut self.dice))
    }

    /// One query with the comment's token, which is answered once it shows it.
    async fn commit_and_ask_once(&mut self, bench: &Bench<'_>, measured: &mut Measured) -> Result<(), BenchError> {
        let (comment, text) = self.some_comment();
        let before = self.comment_count(comment.post, None).await?;
        let (committed, head) = commit(bench, comment, text).await?;
        measured.commit_to_sequenced.push_ms(committed.elapsed());
        let token = ConsistencyToken::of_command(head.history, head.position).to_string();
        let count = self.comment_count(comment.post, Some(&token)).await?;
        measured.commit_to_visible.push_ms(committed.elapsed());
        if count > before { Ok(()) } else { Err(BenchError::Missing("a comment in an answer to its token")) }
    }

    /// Queries without any token until one shows it.
    async fn commit_and_ask_again(&mut self, bench: &Bench<'_>, measured: &mut Measured) -> Result<(), BenchError> {
        let (comment, text) = self.some_comment();
        let before = self.comment_count(comment.post, None).await?;
        let (committed, _) = commit(bench, comment, text).await?;
        self.wait_for_more(comment.post, before, measured).await?;
        measured.commit_to_found.push_ms(committed.elapsed());
        Ok(())
    }

    /// Sends the mutation, and asks until it shows.
    async fn mutate(&mut self, measured: &mut Measured) -> Result<(), BenchError> {
        let (comment, text) = self.some_comment();
        let before = self.comment_count(comment.post, None).await?;
        let mut request = Vec::new();
        graphql(Some(self.tokens.of(comment.author)), &add_comment_body(comment.post, &text), &mut request);
        let sent = Instant::now();
        let answer = self.connection.send(&request).await?;
        if !is_accepted(answer.body) {
            return Err(answer.unexpected("addComment"));
        }
        let answered = Instant::now();
        self.wait_for_more(comment.post, before, measured).await?;
        measured.answer_to_visible.push_ms(answered.elapsed());
        measured.sent_to_visible.push_ms(sent.elapsed());
        Ok(())
    }

    async fn wait_for_more(&mut self, post: u32, before: u64, measured: &mut Measured) -> Result<(), BenchError> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let asked = Instant::now();
            let count = self.comment_count(post, None).await?;
            measured.query.push_ms(asked.elapsed());
            if count > before {
                return Ok(());
            }
        }
        Err(BenchError::TooSlow("a comment's way into its post".into()))
    }

    /// Without a token whatever the read side has.
    async fn comment_count(&mut self, post: u32, consistency_token: Option<&str>) -> Result<u64, BenchError> {
        let mut request = Vec::new();
        let body = format!(r#"{{"query":"{{ post(id: \"{}\") {{ commentCount }} }}"}}"#, ids::post(post).to_global());
        match consistency_token {
            Some(token) => graphql_at(token, &body, &mut request),
            None => graphql(None, &body, &mut request),
        }
        let answer = self.connection.send(&request).await?;
        let data: Value = serde_json::from_slice(answer.body)?;
        data["data"]["post"]["commentCount"].as_u64().ok_or_else(|| answer.unexpected("the query role"))
    }
}

/// Commits as the command does, and sequences as it does. When that was committed, and where the log ended then.
async fn commit(bench: &Bench<'_>, comment: Written, text: String) -> Result<(Instant, LogHead), BenchError> {
    let tx = bench.log.database().begin().await?;
    add_comment(&tx, bench.recorder, comment, text).await?;
    tx.commit().await?;
    let committed = Instant::now();
    Ok((committed, bench.log.sequence().await?))
}

/// The body of an `addComment` request.
pub fn add_comment_body(post: u32, text: &str) -> String {
    format!(
        r#"{{"query":"mutation($input: AddCommentInput!) {{ addComment(input: $input) {{ receipt {{ accepted consistencyToken }} errors {{ code }} }} }}","variables":{{"input":{{"postId":"{}","text":"{text}"}}}}}}"#,
        ids::post(post).to_global()
    )
}

/// True if a mutation's answer says that the command was accepted.
pub fn is_accepted(body: &[u8]) -> bool {
    const ACCEPTED: &[u8] = br#""accepted":true"#;
    body.windows(ACCEPTED.len()).any(|window| window == ACCEPTED)
}

impl Measured {
    fn add(&mut self, took: Took) {
        let steps = [took.sequencing, took.delivery, took.transaction, took.redis];
        self.steps.iter_mut().zip(steps).for_each(|(samples, step)| samples.push_ms(step));
        self.sums.push_ms(took.sum());
    }

    fn section(&self) -> Section {
        let names = ["sequencing", "publish and deliver", "MongoDB transaction", "Redis: document, head, ring"];
        let mut rows: Vec<Row> = [50.0, 99.0].map(|percent| self.compared(percent)).into();
        rows.extend(names.iter().zip(&self.steps).map(|(name, step)| Row {
            what: format!("  bare step: {name}, p50 / p99"),
            theirs: both(step),
            ..Row::default()
        }));
        let ours = [
            ("  of which until sequenced, p50 / p99", &self.commit_to_sequenced),
            ("ms from COMMIT to found by asking without pause, p50 / p99", &self.commit_to_found),
            ("  one such query, p50 / p99", &self.query),
            ("ms from addComment's answer to visible, p50 / p99", &self.answer_to_visible),
            ("ms from addComment sent to visible, p50 / p99", &self.sent_to_visible),
        ];
        rows.extend(ours.map(|(what, samples)| Row { what: what.into(), ours: both(samples), ..Row::default() }));
        let remarks = vec![format!(
            "{} of each kind, one at a time, {} ms of rest before each; visible is the answer to one query with the token, found is the first of many without",
            self.sums.len(),
            QUIET_PAUSE.as_millis()
        )];
        Section {
            title: "COMMIT → visible in a query, quiet, against the sum of its bare steps".into(), rows, remarks
        }
    }

    fn compared(&self, percent: f64) -> Row {
        let (ours, theirs) = (self.commit_to_visible.percentile(percent), self.sums.percentile(percent));
        Row {
            what: format!("ms from COMMIT to visible, p{percent:.0}"),
            ours: format!("{ours:.2}"),
            theirs: format!("{theirs:.2}"),
            ratio: Row::ratio(ours / theirs, ""),
            target: Some(Target::AtMost(2.0)),
        }
    }
}

fn both(samples: &Samples) -> String {
    format!("{:.2} / {:.2}", samples.median(), samples.percentile(99.0))
}
