//! What others wait while strangers keep argon2 busy; and a wrong password for an address that is known, against one that is not.

use super::mutations::Mutations;
use super::pages::Pages;
use super::read;
use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, Connection, graphql_from};
use crate::load::{self, Load, Served, Work};
use crate::plan::{BYSTANDERS, GUESSERS, KNOWN_ACCOUNTS, Plan, READ_WARM_UP, SEED, WRONG_PASSWORDS};
use crate::process::Process;
use crate::stage::Stage;
use crate::statistics::{Samples, ratios};
use crate::table::{Row, Section, Target};
use crate::tokens::Tokens;
use std::sync::Arc;
use std::time::Instant;

const PASSWORD: &str = "correct horse battery";
const WRONG: &[u8] = b"\"INVALID_CREDENTIALS\"";

/// Strangers, each from an address of their own with an account that is none: nothing but argon2 holds them back.
struct Guessing;

impl Work for Guessing {
    fn write(&self, _: usize, dice: &mut Dice, into: &mut Vec<u8>) {
        let number = dice.next();
        sign_in(&format!("stranger-{number:016x}@millrace.example"), number, into);
    }

    fn accepts(&self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200 && answer.body.windows(WRONG.len()).any(|part| part == WRONG)
    }
}

/// 99th percentiles of bystanders, and what the guessers got meanwhile.
#[derive(Default)]
struct Rounds {
    quiet_ms: Samples,
    flooded_ms: Samples,
    hashed: u64,
    turned_away: u64,
    refused: u64,
}

/// Quiet, flooded, quiet, flooded; then the wrong passwords one at a time.
pub async fn run(stage: &Stage, all: &Process, plan: &Plan) -> Result<Section, BenchError> {
    let mut section = Section {
        title: "Passwords: while strangers guess, all roles in one process; argon2id as OWASP wants it".into(),
        ..Section::default()
    };
    let pages = Arc::new(read::Ours(Arc::new(Pages::of_posts())));
    load::run(&load_of(all, BYSTANDERS, plan, 0, Some(READ_WARM_UP))?, &pages).await?;
    let reads = rounds(all, &pages, plan).await?;
    reads.report("pages", &mut section);
    let mutations = Arc::new(Mutations(Tokens::new(stage)?));
    rounds(all, &mutations, plan).await?.report("mutations", &mut section);
    section.rows.push(known_against_unknown(all).await?);
    section.remarks.push(format!(
        "the last row's ratio is 1 where nobody can tell by the time whether an address has an account; {} tries each, taking turns",
        KNOWN_ACCOUNTS * WRONG_PASSWORDS
    ));
    Ok(section)
}

fn load_of(
    all: &Process,
    clients: usize,
    plan: &Plan,
    round: usize,
    time: Option<std::time::Duration>,
) -> Result<Load, BenchError> {
    let address = all.address("graphql")?.to_owned();
    Ok(Load { address, clients, time: time.unwrap_or(plan.read_time), round })
}

async fn rounds<W: Work>(all: &Process, work: &Arc<W>, plan: &Plan) -> Result<Rounds, BenchError> {
    let (mut rounds, guessing) = (Rounds::default(), Arc::new(Guessing));
    for round in 0..plan.mutation_rounds {
        let bystanders = load_of(all, BYSTANDERS, plan, round, None)?;
        let quiet = load::run(&bystanders, work).await?;
        let guessers = load_of(all, GUESSERS, plan, round, None)?;
        let (flooded, guessed) = tokio::try_join!(load::run(&bystanders, work), load::run(&guessers, &guessing))?;
        rounds.add(&quiet, &flooded, &guessed);
    }
    Ok(rounds)
}

impl Rounds {
    fn add(&mut self, quiet: &Served, flooded: &Served, guessed: &Served) {
        self.quiet_ms.push(quiet.latencies_ms.percentile(99.0));
        self.flooded_ms.push(flooded.latencies_ms.percentile(99.0));
        self.hashed += guessed.accepted;
        self.turned_away += guessed.refused;
        self.refused += quiet.refused + flooded.refused;
    }

    fn report(&self, what: &str, section: &mut Section) {
        let ratios = ratios(&self.flooded_ms, &self.quiet_ms);
        section.rows.push(Row {
            what: format!("p99 of {what} in ms, {BYSTANDERS} clients, while {GUESSERS} guess, against quiet"),
            ours: format!("{:.1}", self.flooded_ms.median()),
            theirs: format!("{:.1}", self.quiet_ms.median()),
            ratio: Row::ratio(ratios.median(), &ratios.range(2)),
            target: Some(Target::AtMost(2.0)),
        });
        section.remarks.push(format!(
            "{what}: {} guesses were hashed meanwhile, {} were turned away; {} bystanders' requests were refused",
            self.hashed, self.turned_away, self.refused
        ));
    }
}

/// One try each in turn, so that what disturbs one disturbs the other.
async fn known_against_unknown(all: &Process) -> Result<Row, BenchError> {
    let mut connection = Connection::open(all.address("graphql")?).await?;
    let mut dice = Dice::new(SEED, 3);
    let (mut known, mut unknown) = (Samples::default(), Samples::default());
    for account in 0..KNOWN_ACCOUNTS {
        let email = format!("known-{account}@millrace.example");
        sign_up(&mut connection, &email, dice.next()).await?;
        for _ in 0..WRONG_PASSWORDS {
            known.push(wrong_password_ms(&mut connection, &email, dice.next()).await?);
            let nobody = format!("nobody-{:016x}@millrace.example", dice.next());
            unknown.push(wrong_password_ms(&mut connection, &nobody, dice.next()).await?);
        }
    }
    Ok(Row {
        what: "a wrong password in ms (median), for an address that is known, against one that is not".into(),
        ours: format!("{:.2}", known.median()),
        theirs: format!("{:.2}", unknown.median()),
        ratio: Row::ratio(known.median() / unknown.median(), ""),
        target: None,
    })
}

async fn wrong_password_ms(connection: &mut Connection, email: &str, number: u64) -> Result<f64, BenchError> {
    let mut request = Vec::new();
    sign_in(email, number, &mut request);
    let sent = Instant::now();
    let answer = connection.send(&request).await?;
    let took_ms = sent.elapsed().as_secs_f64() * 1e3;
    if Guessing.accepts(0, &answer) { Ok(took_ms) } else { Err(answer.unexpected("signIn")) }
}

async fn sign_up(connection: &mut Connection, email: &str, number: u64) -> Result<(), BenchError> {
    let mut request = Vec::new();
    let body = format!(
        r#"{{"query":"mutation($input: SignUpInput!) {{ signUp(input: $input) {{ receipt {{ accepted }} errors {{ code }} }} }}","variables":{{"input":{{"firstName":"Ada","lastName":"Bench","email":"{email}","password":"{PASSWORD}"}}}}}}"#
    );
    graphql_from(&address(number), &body, &mut request);
    let answer = connection.send(&request).await?;
    let is_accepted = answer.body.windows(15).any(|part| part == b"\"accepted\":true");
    if is_accepted { Ok(()) } else { Err(answer.unexpected("signUp")) }
}

fn sign_in(email: &str, number: u64, into: &mut Vec<u8>) {
    let body = format!(
        r#"{{"query":"mutation($input: SignInInput!) {{ signIn(input: $input) {{ errors {{ code }} }} }}","variables":{{"input":{{"email":"{email}","password":"wrong {PASSWORD}"}}}}}}"#
    );
    graphql_from(&address(number), &body, into);
}

/// An address out of 10.0.0.0/8, hardly ever the same.
fn address(number: u64) -> String {
    let [.., a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}
