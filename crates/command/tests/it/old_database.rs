//! A database of an earlier version with rows in it, brought to today's tables: nothing is lost, and it goes on.

use crate::market::{number, order};
use crate::world::{PASSWORD, Person, World, accepted};
use millrace_command::auth::RefreshToken;
use millrace_command::{PayOrder, RefreshSession, SecretText, SignIn};
use millrace_events::values::Password;
use millrace_events::{EventId, OrderId, ProductId, SessionId, UserId};
use sea_orm::sqlx::migrate::Migrator;
use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use std::collections::BTreeMap;
use std::path::Path;
use uuid::Uuid;

/// The version that the rows are of.
const OLD: i64 = 12;
const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
const ROWS: &str = include_str!("old_rows.sql");
/// What migrations themselves write.
const OF_MIGRATIONS: [&str; 2] = ["_sqlx_migrations", "erasable"];

/// An id in `old_rows.sql`.
fn id(tail: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | tail)
}

fn ada() -> UserId {
    UserId(id(0xa1))
}

/// The old database, and Ada's refresh token.
async fn old_database() -> (World, RefreshToken) {
    let world = World::without_tables().await;
    migrate_to(&world.url, OLD).await;
    let hash = world.auth().passwords.hash(Password::parse(PASSWORD).unwrap()).await.unwrap();
    let token = RefreshToken::generate(SessionId(id(0x91)));
    let token_hash: String = token.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    world.sql(&ROWS.replace("{password_hash}", &hash).replace("{refresh_token}", &token_hash)).await;
    (world, token)
}

/// As `millrace migrate` of that version did.
async fn migrate_to(url: &str, version: i64) {
    let files = Migrator::new(Path::new(MIGRATIONS)).await.unwrap();
    let mut connection = PgConnection::connect(url).await.unwrap();
    files.run_to(version, &mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn rows(world: &World, sql: &str) -> Vec<QueryResult> {
    world.database().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap()
}

/// All tables with the columns that they have now.
async fn tables(world: &World) -> BTreeMap<String, String> {
    const TABLES: &str = "
        SELECT c.table_name::text AS name, string_agg(quote_ident(c.column_name::text), ', ' ORDER BY c.ordinal_position) AS columns
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' GROUP BY c.table_name";
    let found = rows(world, TABLES).await;
    let pair = |row: &QueryResult| (row.try_get("", "name").unwrap(), row.try_get("", "columns").unwrap());
    let mut tables: BTreeMap<String, String> = found.iter().map(pair).collect();
    tables.retain(|name, _| !OF_MIGRATIONS.contains(&name.as_str()));
    tables
}

/// How many rows each of these tables has, and a checksum of these columns of all of them.
async fn checksums(world: &World, tables: &BTreeMap<String, String>) -> BTreeMap<String, (i64, String)> {
    let mut sums = BTreeMap::new();
    for (name, columns) in tables {
        let sql = format!(
            "SELECT count(*) AS n, coalesce(md5(string_agg(r::text, ';' ORDER BY r::text)), '') AS sum
             FROM (SELECT {columns} FROM {name}) r"
        );
        let row = rows(world, &sql).await.remove(0);
        sums.insert(name.clone(), (row.try_get("", "n").unwrap(), row.try_get("", "sum").unwrap()));
    }
    sums
}

/// How many rows of the shop's books do not add up.
async fn wrong(world: &World) -> i64 {
    number(world.database(), include_str!("audit.sql")).await
}

#[tokio::test]
async fn no_row_of_an_old_database_is_lost_or_changed() {
    let (world, _) = old_database().await;
    let tables = tables(&world).await;
    let before = checksums(&world, &tables).await;
    let empty: Vec<_> = before.iter().filter(|(_, (rows, _))| *rows == 0).map(|(name, _)| name).collect();
    assert!(before.len() > 20 && empty.is_empty(), "of each table there is a row, but not of {empty:?}");
    assert_eq!(wrong(&world).await, 0, "before");
    world.log.migrate().await.unwrap();
    assert_eq!(checksums(&world, &tables).await, before);
    assert_eq!(wrong(&world).await, 0, "after");
    world.log.migrate().await.unwrap();
    assert_eq!(checksums(&world, &tables).await, before, "once more changes nothing");
}

#[tokio::test]
async fn what_migrations_add_to_old_rows_is_what_they_promise() {
    let (world, _) = old_database().await;
    world.log.migrate().await.unwrap();
    let files = i64::try_from(Migrator::new(Path::new(MIGRATIONS)).await.unwrap().iter().count()).unwrap();
    assert_eq!(world.count("_sqlx_migrations WHERE success").await, files);
    assert_eq!(world.count("pg_constraint WHERE NOT convalidated").await, 0);

    // 0013: of accounts that were there nobody knows when all sign-ins were ended, so it is the moment of the migration.
    let recent = "outside_void_until <= now() AND outside_void_until > now() - interval '1 hour'";
    assert_eq!((world.count(&format!("users WHERE {recent}")).await, world.count("users").await), (5, 5));
    let void = "erasable WHERE name = 'users' AND statement LIKE '%outside_void_until = NULL%'";
    assert_eq!(world.count(void).await, 1);

    // 0015: each event of the provider that ended a top-up is kept.
    let ended = "SELECT provider_event_id, id, ended_at FROM top_ups WHERE provider_event_id IS NOT NULL";
    let missing = format!("({ended} EXCEPT SELECT id, top_up_id, taken_at FROM provider_events) AS missing");
    assert_eq!((world.count("provider_events").await, world.count(&missing).await), (3, 0));
}

/// Signs in with the password that the account had before.
async fn signed_in(world: &World) -> Person {
    let email = "ada@example.org".to_owned();
    let sign_in = SignIn { email: email.clone(), password: SecretText(PASSWORD.into()), reactivate: false };
    let answer = world.anonymously(sign_in).await.unwrap();
    let session = answer.session().unwrap().clone();
    Person { id: accepted(&answer).user, email, viewer: world.viewer(&session), session }
}

#[tokio::test]
async fn people_go_on_where_they_were() {
    let (world, refresh_token) = old_database().await;
    world.log.migrate().await.unwrap();
    let refresh = RefreshSession { refresh_token: SecretText(refresh_token.expose()) };
    assert_eq!(accepted(&world.anonymously(refresh).await.unwrap()).user, ada(), "a sign-in goes on");
    let buyer = signed_in(&world).await;
    assert_eq!(buyer.id, ada());

    let pay = PayOrder { order_id: OrderId(id(0xe1)), expected_version: None, idempotency_key: None };
    accepted(&world.by(&buyer, pay).await);
    accepted(&world.by(&buyer, order(&[(ProductId(id(0xd1)), 1)])).await);
    let open = world.commands.open_top_ups().await.unwrap();
    assert_eq!(open.len(), 1);
    for notice in open {
        accepted(&world.commands.complete_top_up(notice).await.unwrap());
    }
    let balance = "SELECT balance_minor AS n FROM wallets WHERE user_id = '01980000-0000-7000-8000-0000000000a1'";
    assert_eq!(number(world.database(), balance).await, 1_300 - 600 + 700);
    assert_eq!(wrong(&world).await, 0);
}

#[tokio::test]
async fn who_was_there_before_is_erased_from_all_tables() {
    let (world, _) = old_database().await;
    world.log.migrate().await.unwrap();
    for person in [0xa2, 0xa4].map(|tail| UserId(id(tail))) {
        accepted(&world.commands.erase_again(person).await.unwrap());
        let left = format!("SELECT coalesce(sum(rows_left), 0)::bigint AS n FROM left_of_person('{person}')");
        assert_eq!(number(world.database(), &left).await, 0, "{person}");
    }
    assert_eq!(wrong(&world).await, 0);
}

#[tokio::test]
async fn what_had_no_position_yet_gets_the_next_one() {
    let (world, _) = old_database().await;
    world.log.migrate().await.unwrap();
    let log = world.envelopes().await;
    let events: Vec<EventId> = log.iter().map(|envelope| envelope.event_id).collect();
    assert_eq!(events, [0x51, 0x52, 0x53, 0x54].map(|tail| EventId(id(tail))));
    let buyer = signed_in(&world).await;
    accepted(&world.by(&buyer, order(&[(ProductId(id(0xd1)), 1)])).await);
    let head = world.envelopes().await.last().unwrap().position.0;
    assert_eq!(head, 6, "the order and its product come after it");
}
