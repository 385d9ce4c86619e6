//! Fills the write side: rows and outbox in big transactions, then positions. Everything after that is the real path's work.

use super::recorder::Recorder;
use super::{World, Written, ids, rows, words};
use crate::dice::Dice;
use crate::error::BenchError;
use crate::plan::SEED;
use millrace_events::comment::CommentWritten;
use millrace_events::post::PostWritten;
use millrace_events::user::UserCreated;
use millrace_events::{Event, Personal};
use millrace_log::Log;
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use std::ops::Range;

/// Things in one transaction.
const IN_ONE_TRANSACTION: u32 = 1_000;

/// Writes the whole data set and gives it positions. Answers who can seal further events.
pub async fn fill(log: &Log, world: &World) -> Result<Recorder, BenchError> {
    let mut recorder = Recorder::default();
    for numbers in portions(world.size.users) {
        let tx = log.database().begin().await?;
        people(&tx, world, &mut recorder, numbers).await?;
        tx.commit().await?;
    }
    for numbers in portions(world.size.posts) {
        let tx = log.database().begin().await?;
        posts(&tx, world, &recorder, numbers).await?;
        tx.commit().await?;
    }
    for numbers in portions(world.size.comments) {
        let tx = log.database().begin().await?;
        comments(&tx, world, &recorder, numbers).await?;
        tx.commit().await?;
    }
    log.sequence().await?;
    tidy(log).await?;
    Ok(recorder)
}

fn portions(count: u32) -> impl Iterator<Item = Range<u32>> {
    let step = IN_ONE_TRANSACTION;
    (0..count).step_by(step as usize).map(move |first| first..(first + step).min(count))
}

/// What autovacuum and the checkpointer would do in their time, and else would do amid the measurements.
async fn tidy(log: &Log) -> Result<(), BenchError> {
    for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
        log.database().execute_unprepared(statement).await?;
    }
    Ok(())
}

async fn people(
    tx: &DatabaseTransaction,
    world: &World,
    recorder: &mut Recorder,
    numbers: Range<u32>,
) -> Result<(), BenchError> {
    let mut table = rows::People::default();
    for number in numbers {
        let (id, at) = (ids::user(number), world.signed_up_at(number));
        let (first_name, last_name) = words::names(&mut Dice::new(SEED, number as usize));
        let email = format!("person-{number}@millrace.example");
        recorder.create_key(tx, id).await?;
        table.add(number, &first_name, &last_name, &email, at);
        let event = UserCreated {
            user_id: id,
            first_name: Personal::known(id, first_name),
            last_name: Personal::known(id, last_name),
            email: Personal::known(id, email),
        };
        recorder.record(tx, id.0, id, at, Event::UserCreated(event)).await?;
    }
    table.insert(tx).await
}

async fn posts(
    tx: &DatabaseTransaction,
    world: &World,
    recorder: &Recorder,
    numbers: Range<u32>,
) -> Result<(), BenchError> {
    let mut table = rows::Posts::default();
    for written in numbers.map(|number| world.post(number)) {
        let (id, author, mut dice) = (ids::post(written.number), ids::user(written.author), dice(written, 1));
        let (title, body, tags) = (words::title(&mut dice), words::body(&mut dice), words::tags(&mut dice));
        table.add(written, &title, &body, &tags);
        let event = PostWritten {
            post_id: id,
            author_id: author,
            title: Personal::known(author, title),
            body: Personal::known(author, body),
            tags: Personal::known(author, tags),
            published: true,
        };
        recorder.record(tx, id.0, author, written.at, Event::PostCreated(event)).await?;
    }
    table.insert(tx).await
}

async fn comments(
    tx: &DatabaseTransaction,
    world: &World,
    recorder: &Recorder,
    numbers: Range<u32>,
) -> Result<(), BenchError> {
    let mut table = rows::Comments::default();
    for written in numbers.map(|number| world.comment(number)) {
        let text = words::comment(&mut dice(written, 2));
        table.add(written, &text);
        record_comment(tx, recorder, written, text).await?;
    }
    table.insert(tx).await
}

/// Adds one comment more, as its command does: the row, then the event.
pub async fn add_comment(
    tx: &DatabaseTransaction,
    recorder: &Recorder,
    written: Written,
    text: String,
) -> Result<(), BenchError> {
    let mut table = rows::Comments::default();
    table.add(written, &text);
    table.insert(tx).await?;
    record_comment(tx, recorder, written, text).await
}

async fn record_comment(
    tx: &DatabaseTransaction,
    recorder: &Recorder,
    written: Written,
    text: String,
) -> Result<(), BenchError> {
    let (id, author) = (ids::comment(written.number), ids::user(written.author));
    let event = CommentWritten {
        comment_id: id,
        post_id: ids::post(written.post),
        author_id: author,
        text: Personal::known(author, text),
    };
    recorder.record(tx, id.0, author, written.at, Event::CommentAdded(event)).await
}

fn dice(written: Written, kind: usize) -> Dice {
    Dice::new(SEED + kind as u64, written.number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare::pgbench::{Pgbench, Scripts, Sequencing};
    use crate::stage::Stage;
    use crate::world::{Size, shop_rows};
    use millrace_events::Position;
    use std::time::Duration;
    use time::OffsetDateTime;

    const SIZE: Size = Size { users: 20, posts: 30, comments: 100 };

    #[tokio::test]
    async fn everything_has_its_position_and_pgbench_runs_the_commands_statements_on_it() {
        let stage = Stage::new().await.unwrap();
        let log = stage.log(&stage.name).await.unwrap();
        fill(&log, &World::new(SIZE, OffsetDateTime::now_utc())).await.unwrap();
        assert_eq!(log.head().await.unwrap().position, Position(u64::from(SIZE.events())));
        let community = Pgbench::new(&stage, &stage.name, SIZE, Scripts::COMMUNITY).unwrap();
        let buying = Pgbench::new(&stage, &stage.name, SIZE, Scripts::BUYING).unwrap();
        let (Some(community), Some(buying)) = (community, buying) else { return };
        shop_rows::fill(&stage, &stage.name).await.unwrap();
        let (one_second, products) = (Duration::from_secs(1), [("products", 3)]);
        for (pgbench, more) in [(&community, &[][..]), (&buying, &products[..])] {
            for sequencing in [Sequencing::Left, Sequencing::EachTime] {
                let before = log.sequence().await.unwrap().position;
                assert!(pgbench.run(2, one_second, sequencing, more).await.unwrap() > 0.0);
                assert!(log.sequence().await.unwrap().position > before, "{sequencing:?} recorded nothing");
            }
        }
    }
}
