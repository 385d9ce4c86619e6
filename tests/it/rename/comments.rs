//! Comments as `addComment` leaves them, many in one transaction.

use millrace_events::comment::CommentWritten;
use millrace_events::{
    Aggregate, CommandId, CommentId, Event, EventId, KeyState, Personal, PostId, Timestamp, UserId, seal,
};
use millrace_log::{NewEvent, command_ordinal, keys, outbox};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;

/// Rows and events of new comments, on the posts in turn, each a command of its own.
pub async fn record(tx: &DatabaseTransaction, author: UserId, posts: &[PostId], count: usize) {
    let keys = keys::load(tx, &[author]).await.expect("keys");
    let at = Timestamp::new(OffsetDateTime::now_utc());
    let comments: Vec<(CommentId, PostId)> =
        posts.iter().cycle().take(count).map(|post| (CommentId::generate(), *post)).collect();
    insert_rows(tx, author, &comments, at).await;
    for (comment_id, post_id) in comments {
        let text = Personal::known(author, "One of many.".to_owned());
        let event = Event::CommentAdded(CommentWritten { comment_id, post_id, author_id: author, text });
        let key = keys.get(&author).cloned();
        let event = sealed(tx, comment_id.0, author, at, &event, key).await;
        outbox::record(tx, &[event]).await.expect("an event is recorded");
    }
}

async fn insert_rows(tx: &DatabaseTransaction, author: UserId, comments: &[(CommentId, PostId)], at: Timestamp) {
    const INSERT: &str = "
        INSERT INTO comments (id, version, post_id, author_id, text, created_at, updated_at)
        SELECT id, 1, post_id, $3, 'One of many.', $4, $4 FROM unnest($1::uuid[], $2::uuid[]) AS t(id, post_id)";
    let (ids, posts): (Vec<Uuid>, Vec<Uuid>) = comments.iter().map(|(id, post)| (id.0, post.0)).unzip();
    let values: [Value; 4] = [ids.into(), posts.into(), author.0.into(), at.moment().into()];
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, INSERT, values)).await.expect("rows");
}

async fn sealed(
    tx: &DatabaseTransaction,
    id: Uuid,
    actor: UserId,
    at: Timestamp,
    event: &Event,
    key: Option<KeyState>,
) -> NewEvent {
    let (kind, event_id) = (event.kind(), EventId::generate());
    let mut payload = event.payload().expect("a payload");
    seal::seal(&mut payload, event_id, &|_| key.clone()).expect("it is sealed");
    NewEvent {
        event_id,
        command_id: CommandId::generate(),
        command_ordinal: command_ordinal(tx).await.expect("an ordinal"),
        index: 0,
        count: 1,
        aggregate: Aggregate { kind: kind.aggregate(), id, version: 1 },
        name: kind.name(),
        schema_version: kind.schema_version(),
        actor: Some(actor),
        at,
        trace: None,
        payload,
    }
}
