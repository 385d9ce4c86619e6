//! Checking the receipt of an erasure on all four stores, promise by promise: `millrace erasure verify`.

use crate::roles::relay::RelaySettings;
use crate::roles::{self, RoleError};
use crate::settings::Settings;
use millrace_command::erasure::{ErasedTable, Receipt};
use millrace_events::{KeyState, Position, UserId, seal};
use millrace_log::{Log, LogError};
use millrace_read::erasure::{Erased, Finding, Verdict};
use uuid::Uuid;

/// Events that are read from the log at once.
const PAGE_EVENTS: u32 = 1_000;

/// Says what is found, one line for each promise; fails if something of the person is left. `id` is the receipt's, or the person's.
pub async fn verify(settings: &Settings, id: Uuid) -> Result<(), RoleError> {
    let log = roles::connect_log(&settings.postgres, "erasure").await?;
    let receipt = Receipt::find(&log, id).await?.ok_or(RoleError::NoReceipt(id))?;
    let placed = log.placed(receipt.command_id).await?.map(|(_, last)| last);
    println!("receipt {} of {}, erased {}", receipt.id.to_global(), receipt.user_id.to_global(), receipt.erased_at);
    let mut findings: Vec<Finding> = receipt.tables.iter().map(table).collect();
    findings.extend(sealed_for_ever(&log, receipt.user_id, placed).await?);
    findings.push(copied(settings, receipt.user_id, placed).await?);
    if let Some(position) = placed {
        let erased = Erased { person: receipt.user_id, position, at: receipt.erased_at };
        findings.extend(documents(settings, erased).await?);
    }
    findings.iter().for_each(say);
    match findings.iter().filter(|finding| finding.verdict == Verdict::Left).count() {
        0 => Ok(()),
        broken => Err(RoleError::NotErased(broken)),
    }
}

fn say(finding: &Finding) {
    let verdict = match finding.verdict {
        Verdict::Kept => "kept",
        Verdict::Left => "LEFT",
        Verdict::Told => "note",
    };
    println!("{verdict:<5} {:<11} {}", finding.store, finding.text);
}

fn table(table: &ErasedTable) -> Finding {
    let ErasedTable { name, action, rows, left } = table;
    let text = match rows {
        Some(rows) => format!("table {name}: {rows} rows {action}, {left} left"),
        None => format!("table {name}, younger than the receipt: {left} left"),
    };
    Finding { store: "PostgreSQL", text, verdict: (*left == 0).into() }
}

/// The key is destroyed, and nothing of the person lies readable in the log, which therefore never has to change.
async fn sealed_for_ever(log: &Log, person: UserId, placed: Option<Position>) -> Result<[Finding; 3], RoleError> {
    let key = log.keys_of(&[person]).await?.remove(&person);
    let (sealed, readable) = events_of(log, person).await?;
    let finding = |text, is_kept: bool| Finding { store: "PostgreSQL", text, verdict: is_kept.into() };
    let place = placed.map_or("has no position yet".to_owned(), |position| format!("stands at position {position}"));
    Ok([
        finding("key of the person: destroyed, with a mark that stays".to_owned(), key == Some(KeyState::Destroyed)),
        finding(format!("log: the erasure {place}"), placed.is_some()),
        finding(format!("log: {sealed} events sealed for ever, {readable} readable"), readable == 0),
    ])
}

/// How many events hold something of the person, sealed or readable.
async fn events_of(log: &Log, person: UserId) -> Result<(usize, usize), LogError> {
    let (mut after, mut sealed, mut readable) = (Position::START, 0, 0);
    loop {
        let page = log.read(after, PAGE_EVENTS).await?;
        let Some(last) = page.last() else { return Ok((sealed, readable)) };
        after = last.position;
        for event in page.iter().filter(|event| seal::persons(&event.payload).contains(&person)) {
            if seal::is_sealed(&event.payload) { sealed += 1 } else { readable += 1 }
        }
    }
}

/// The stream is a copy of the log; what could open it is a mark there too.
async fn copied(settings: &Settings, person: UserId, placed: Option<Position>) -> Result<Finding, RoleError> {
    let (stream, is_marked) = roles::relay::copy_of_key(RelaySettings::of(settings), person).await?;
    let last = stream.map_or(Position::START, |stream| stream.last);
    let mark = if is_marked { "the copy of the key is the mark" } else { "the copy of the key is no mark" };
    let text = format!("{mark}; the stream, sealed like the log, ends at position {last}");
    let is_kept = is_marked && placed.is_some_and(|position| last >= position);
    Ok(Finding { store: "JetStream", text, verdict: is_kept.into() })
}

async fn documents(settings: &Settings, erased: Erased) -> Result<Vec<Finding>, RoleError> {
    let database = roles::projector::database(&settings.mongodb).await?;
    Ok(millrace_read::erasure::check(&database, &roles::query::redis(&settings.redis), erased).await?)
}
