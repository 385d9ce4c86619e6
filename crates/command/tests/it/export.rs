//! Exports: every table that hangs on a person is told or left out for a reason, and a link leads nowhere without its person.

use crate::market::{Market, eur, order};
use crate::world::{PASSWORD, Person, World, accepted, rejected, settings};
use millrace_command::auth::ExportLinkRules;
use millrace_command::export::{COLUMNS_LEFT_OUT, CutShort, FORMAT, PARTS, TABLES_LEFT_OUT};
use millrace_command::{
    AddComment, CancelOrder, CommandErrorCode, Commands, CreatePost, DeactivateAccount, EraseAccount, Export,
    ExportLimits, ExportMyData, ExportRefusal, FailureCode, FollowUser, HidePost, LikePost, PayOrder, SecretText,
    Settings, SignOut, Transfer,
};
use millrace_events::{GlobalId, PostId};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

fn wish(password: &str) -> ExportMyData {
    ExportMyData { password: SecretText(password.into()), idempotency_key: Some("copy".into()) }
}

fn token(url: &str) -> &str {
    url.strip_prefix("/exports/").unwrap()
}

/// The token of a new link.
async fn link(world: &World, person: &Person) -> String {
    let answer = world.by(person, ExportMyData { idempotency_key: None, ..wish(PASSWORD) }).await;
    token(&answer.export().unwrap().url).to_owned()
}

async fn read(mut export: Export) -> Result<Value, CutShort> {
    let mut text = String::new();
    while let Some(piece) = export.next().await {
        text.push_str(&piece?);
    }
    Ok(serde_json::from_str(&text).unwrap())
}

async fn fetch(world: &World, person: &Person) -> Value {
    read(world.commands.export(&link(world, person).await).await.unwrap()).await.unwrap()
}

async fn names(world: &World, sql: &str) -> BTreeSet<String> {
    let rows = world.database().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

/// Whatever refers to a person, to what refers to one, and so on; and whatever has a column for one.
const HANGING_ON_A_PERSON: &str = "
    WITH RECURSIVE hanging AS (
        SELECT 'users'::regclass::oid AS id
        UNION SELECT c.conrelid FROM pg_constraint c JOIN hanging h ON c.confrelid = h.id WHERE c.contype = 'f'
    )
    SELECT id::regclass::text AS name FROM hanging
    UNION SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'user_id'";

#[tokio::test]
async fn every_table_that_hangs_on_a_person_is_told_or_left_out_for_a_reason() {
    let world = World::new().await;
    let hanging = names(&world, HANGING_ON_A_PERSON).await;
    let told = PARTS.iter().flat_map(|part| part.tables).map(|name| (*name).to_owned());
    let left_out = TABLES_LEFT_OUT.iter().map(|(name, _)| (*name).to_owned());
    let listed: Vec<String> = told.chain(left_out).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert!(hanging.len() > 15 && hanging.contains("ledger_entries"), "{hanging:?}");
    assert_eq!(hanging, once, "add a part to crates/command/src/export/parts.rs, or the reason why there is none");
    assert_eq!(listed.len(), once.len(), "each stands there once");
}

#[tokio::test]
async fn every_column_of_a_table_that_is_told_is_told_or_left_out_for_a_reason() {
    let world = World::new().await;
    for part in PARTS {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let named: BTreeSet<&str> = part.statement.split(|c| !is_name(c)).collect();
        for table in part.tables {
            let columns = "SELECT column_name::text AS name FROM information_schema.columns WHERE table_name =";
            for column in names(&world, &format!("{columns} '{table}'")).await {
                let is_left_out = COLUMNS_LEFT_OUT.iter().any(|(of, name, _)| (of, *name) == (table, &column));
                assert_ne!(named.contains(&*column), is_left_out, "{table}.{column}");
            }
        }
    }
}

#[tokio::test]
async fn postgresql_writes_ids_as_clients_hold_them() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let world = World::new().await;
    let uuid: [u8; 16] = std::array::from_fn(|n| 255 - 16 * u8::try_from(n).unwrap());
    let mut types = 0;
    for tag in 0..=u8::MAX {
        let global = URL_SAFE_NO_PAD.encode([&[tag][..], &uuid].concat());
        let Ok(id) = GlobalId::parse(&global) else { continue };
        let sql = format!("SELECT global_id('{}', '{}') AS name", id.type_name(), uuid::Uuid::from_bytes(uuid));
        assert_eq!(names(&world, &sql).await, BTreeSet::from([global]), "{}", id.type_name());
        types += 1;
    }
    assert!(types > 10);
}

/// Ada does one of everything, and Ben what borders on it.
async fn live(market: &Market, ada: &Person, ben: &Person) -> PostId {
    let world = &market.world;
    let post = |title: &str, publish| CreatePost {
        title: title.into(),
        body: "Say \"wheel\",\nnot 'whel'.".into(),
        tags: vec!["mills".into()],
        publish,
        idempotency_key: None,
    };
    let own = accepted(&world.by(ada, post("Ada's post", true)).await).post;
    accepted(&world.by(ada, post("Ada's draft", false)).await);
    let bens = accepted(&world.by(ben, post("Ben's post", true)).await).post;
    let comment = |post_id, text: &str| AddComment { post_id, text: text.into(), idempotency_key: None };
    accepted(&world.by(ada, comment(bens, "Ada's comment")).await);
    accepted(&world.by(ben, comment(own, "Ben's comment")).await);
    accepted(&world.by(ada, LikePost { post_id: bens, idempotency_key: None }).await);
    accepted(&world.by(ada, FollowUser { user_id: ben.id, idempotency_key: None }).await);
    accepted(&world.by(ben, FollowUser { user_id: ada.id, idempotency_key: None }).await);
    bens
}

async fn shop(market: &Market, ada: &Person, ben: &Person) {
    let (world, oak) = (&market.world, market.product("Oak", 300, 9).await);
    let order_id = accepted(&world.by(ada, order(&[(oak, 2)])).await).order;
    accepted(&world.by(ada, PayOrder { order_id, expected_version: None, idempotency_key: None }).await);
    for (by, reason) in [(ada, "Ada's reason"), (&market.staff, "The staff's reason")] {
        let order_id = accepted(&world.by(ada, order(&[(oak, 1)])).await).order;
        let reason = Some(reason.into());
        let cancel = CancelOrder { order_id, reason, expected_version: None, idempotency_key: None };
        accepted(&world.by(by, cancel).await);
    }
    for (from, to, minor, note) in [(ada, ben, 30, "Ada's note"), (ben, ada, 20, "Ben's note")] {
        let note = Some(note.into());
        accepted(
            &world
                .by(
                    from,
                    Transfer {
                        to_user_id: to.id,
                        amount: eur(minor),
                        note,
                        expected_version: None,
                        idempotency_key: None,
                    },
                )
                .await,
        );
    }
}

fn each<'a>(document: &'a Value, part: &str, field: &str) -> Vec<&'a Value> {
    document[part].as_array().unwrap().iter().map(|row| &row[field]).collect()
}

#[tokio::test]
async fn everything_of_ones_own_is_told_and_nothing_of_anybody_else() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 1_000).await, market.buyer("Ben", 500).await);
    let bens_post = live(&market, &ada, &ben).await;
    shop(&market, &ada, &ben).await;
    let hide = HidePost {
        post_id: bens_post,
        reason: "The staff's other reason".into(),
        expected_version: None,
        idempotency_key: None,
    };
    accepted(&market.world.by(&market.staff, hide).await);
    let told = fetch(&market.world, &ada).await;
    assert_eq!((&told["format"], &told["account"]["email"]), (&json!(FORMAT), &json!(ada.email)));
    assert_eq!((&told["account"]["id"], &told["account"]["roles"]), (&json!(ada.id.to_global()), &json!([])));
    assert_eq!((&told["account"]["emailVerifiedAt"], &told["account"]["pendingEmail"]), (&Value::Null, &Value::Null));
    assert_eq!(each(&told, "mails", "kind"), ["VERIFY_EMAIL"]);
    assert_eq!(each(&told, "mails", "address"), [&json!(ada.email)]);
    assert_eq!(each(&told, "posts", "title"), ["Ada's post", "Ada's draft"]);
    assert_eq!(each(&told, "posts", "status"), ["PUBLISHED", "DRAFT"]);
    assert_eq!(
        (&told["posts"][0]["body"], &told["posts"][0]["tags"]),
        (&json!("Say \"wheel\",\nnot 'whel'."), &json!(["mills"]))
    );
    assert_eq!(each(&told, "comments", "text"), ["Ada's comment"]);
    assert_eq!(each(&told, "likes", "postId"), [&json!(bens_post.to_global())]);
    assert_eq!(each(&told, "follows", "userId"), [&json!(ben.id.to_global())]);
    assert_eq!(each(&told, "sessions", "endedAt"), [&Value::Null]);
    assert_eq!(each(&told, "reasons", "reason"), ["Ada's reason"]);
    orders_are_told(&told, &ada);
    money_is_told(&told, &ben);

    let staff = fetch(&market.world, &market.staff).await;
    assert_eq!(staff["account"]["roles"][0]["role"], "STAFF");
    assert_eq!(each(&staff, "reasons", "reason"), ["The staff's reason", "The staff's other reason"]);
    assert_eq!(each(&staff, "reasons", "event"), ["order.cancelled", "post.hidden"]);
    assert_eq!(staff["reasons"][1]["about"], json!(bens_post.to_global()));
    for part in ["posts", "comments", "likes", "follows", "orders", "wallets", "topUps", "movements"] {
        assert_eq!(staff[part], json!([]), "{part}");
    }
    let all = told.to_string();
    for others in ["Ben", "staff", "argon2", &ben.email] {
        assert!(!all.contains(others), "{others}: {told:#}");
    }
}

fn orders_are_told(told: &Value, ada: &Person) {
    assert_eq!(each(told, "orders", "status"), ["CONFIRMED", "CANCELLED", "CANCELLED"]);
    assert_eq!(each(told, "orders", "cancelReason"), [&Value::Null, &json!("Ada's reason"), &Value::Null]);
    let order = &told["orders"][0];
    assert_eq!((&order["customerName"], &order["customerEmail"]), (&json!("Ada Lovelace"), &json!(ada.email)));
    assert_eq!(order["deliveryAddress"], "Mill Lane 1");
    assert_eq!(order["totalPrice"], json!({ "amountMinor": "600", "currency": "EUR" }));
    let line = &order["lines"][0];
    assert_eq!((&line["productName"], &line["quantity"]), (&json!("Oak"), &json!(2)));
}

fn money_is_told(told: &Value, ben: &Person) {
    assert_eq!(told["wallets"][0]["balance"], json!({ "amountMinor": "390", "currency": "EUR" }));
    assert_eq!(each(told, "topUps", "state"), ["SUCCEEDED"]);
    let amounts = each(told, "movements", "amount").into_iter().map(|amount| amount["amountMinor"].clone());
    assert_eq!(amounts.collect::<Vec<_>>(), ["1000", "-600", "-30", "20"]);
    assert_eq!(each(told, "movements", "cause"), ["TOP_UP", "PAYMENT", "TRANSFER", "TRANSFER"]);
    let other = json!(ben.id.to_global());
    let transfers =
        [json!({ "otherUserId": other, "note": "Ada's note" }), json!({ "otherUserId": other, "note": null })];
    assert_eq!(each(told, "movements", "transfer"), [&Value::Null, &Value::Null, &transfers[0], &transfers[1]]);
}

#[tokio::test]
async fn the_password_is_asked_for_also_when_the_answer_is_given_again() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for wrong in ["not the password", "short"] {
        let answer = world.by(&ada, wish(wrong)).await;
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidCredentials);
    }
    let first = world.by(&ada, wish(PASSWORD)).await;
    world.changed_nothing(&first).await;
    let again = world.by(&ada, wish(PASSWORD)).await;
    assert_eq!((first.receipt().replayed, again.receipt().replayed), (false, true));
    assert_eq!(first.receipt().command_id, again.receipt().command_id);
    let (first, again) = (first.export().unwrap(), again.export().unwrap());
    assert!(first.url != again.url && again.expires_at >= first.expires_at);
    for export in [first, again] {
        read(world.commands.export(token(&export.url)).await.unwrap()).await.unwrap();
    }
    let wrong = world.by(&ada, wish("not the password")).await;
    assert_eq!((rejected(&wrong).kind(), wrong.export()), (CommandErrorCode::InvalidCredentials, None));
    let kept = "idempotency_keys WHERE answer::text LIKE '%exports%' OR answer::text LIKE '%eyJ%'";
    assert_eq!((world.count("idempotency_keys").await, world.count(kept).await), (1, 0), "no link is kept");
}

async fn leads_nowhere(commands: &Commands, token: &str) {
    assert_eq!(commands.export(token).await.unwrap_err(), ExportRefusal::NoSuchExport, "{token}");
}

#[tokio::test]
async fn a_link_ends_with_its_time_its_session_and_its_person() {
    let world = World::new().await;
    let (ada, ben) = (world.sign_up("Ada").await, world.sign_up("Ben").await);
    let tablet = world.sign_in(&ada).await;
    let (first, second, bens) = (link(&world, &ada).await, link(&world, &tablet).await, link(&world, &ben).await);
    for changed in ["", "a.b.c", &first[1..], &first.replace('.', "_"), &ada.session.access_token] {
        leads_nowhere(&world.commands, changed).await;
    }
    let no_time = ExportLinkRules { good_for: time::Duration::ZERO, ..ExportLinkRules::default() };
    let brief = world.commands_with(world.postgres(), settings(), world.auth_with(no_time)).await;
    let late = brief.execute(millrace_command::Request::new(ada.viewer.clone()), wish(PASSWORD)).await.unwrap();
    leads_nowhere(&world.commands, token(&late.export().unwrap().url)).await;

    accepted(&world.by(&ada, SignOut { idempotency_key: None }).await);
    leads_nowhere(&world.commands, &first).await;
    let told = read(world.commands.export(&second).await.unwrap()).await.unwrap();
    assert_eq!(told["sessions"].as_array().unwrap().len(), 2, "another session's link is as good as before");
    let farewell =
        EraseAccount { password: SecretText(PASSWORD.into()), expected_version: None, idempotency_key: None };
    accepted(&world.by(&tablet, farewell).await);
    leads_nowhere(&world.commands, &second).await;
    read(world.commands.export(&bens).await.unwrap()).await.unwrap();
    let rest =
        DeactivateAccount { password: SecretText(PASSWORD.into()), expected_version: None, idempotency_key: None };
    accepted(&world.by(&ben, rest).await);
    leads_nowhere(&world.commands, &bens).await;
}

const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Other connections' transactions, whether a statement runs in them at this moment or not.
const OPEN: &str = "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
    AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";

/// More likes than can wait: whoever does not take them keeps the export going.
async fn fond(world: &World, ada: &Person) {
    let ben = world.sign_up("Ben").await;
    world
        .sql(&format!(
            "INSERT INTO posts (id, version, author_id, title, body, published, created_at, updated_at)
         SELECT gen_random_uuid(), 1, '{}', 'One', 'Words.', true, now(), now() FROM generate_series(1, 1000)",
            ben.id
        ))
        .await;
    world.sql(&format!(
        "INSERT INTO likes (post_id, user_id, version, active, changed_at) SELECT id, '{}', 1, true, now() FROM posts",
        ada.id
    ))
    .await;
}

async fn commands(world: &World, limits: ExportLimits) -> Commands {
    let settings = Settings { exports: limits, ..settings() };
    world.commands_with(world.postgres(), settings, world.auth()).await
}

#[tokio::test]
async fn exports_at_once_are_few_and_a_place_is_free_again_when_its_client_leaves() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("Ada").await, world.sign_up("Eve").await);
    fond(&world, &ada).await;
    let commands = commands(&world, ExportLimits { at_once_max: 1, ..ExportLimits::default() }).await;
    let (adas, eves) = (link(&world, &ada).await, link(&world, &eve).await);
    let mut slow = commands.export(&adas).await.unwrap();
    assert!(slow.next().await.unwrap().unwrap().starts_with("{\"format\":"));
    for token in [&adas, &eves] {
        let ExportRefusal::Failed(report) = commands.export(token).await.unwrap_err() else { panic!() };
        assert_eq!((report.code, report.limit.as_deref()), (FailureCode::RateLimited, Some("exports at once")));
        assert!(report.retry_after_s.is_some() && report.retryable);
    }
    drop(slow);
    let export = loop {
        match commands.export(&adas).await {
            Ok(export) => break export,
            Err(refusal) => assert!(matches!(refusal, ExportRefusal::Failed(_)), "{refusal:?}"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let told = read(export).await.unwrap();
    assert_eq!(told["likes"].as_array().unwrap().len(), 1_000);
    while world.count(OPEN).await > 0 {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[tokio::test]
async fn a_document_that_does_not_come_to_its_end_is_no_document() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    fond(&world, &ada).await;
    let brief = ExportLimits { time_max: Duration::from_secs(3), ..ExportLimits::default() };
    let mut slow = commands(&world, brief).await.export(&link(&world, &ada).await).await.unwrap();
    slow.next().await.unwrap().unwrap();
    while world.count(OPEN).await > 0 {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    assert_eq!(read_text(slow).await, Err(CutShort), "it took longer than it may");

    let mut cut = world.commands.export(&link(&world, &ada).await).await.unwrap();
    cut.next().await.unwrap().unwrap();
    world.sql(&format!("SELECT pg_terminate_backend(pid) FROM {OPEN}")).await;
    assert_eq!(read_text(cut).await, Err(CutShort), "PostgreSQL left");
    assert_eq!(fetch(&world, &ada).await["likes"].as_array().unwrap().len(), 1_000, "the next one is whole");
}

#[tokio::test]
async fn a_document_is_cut_short_when_the_sign_in_that_asked_for_it_ends() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    fond(&world, &ada).await;
    let mut slow = world.commands.export(&link(&world, &ada).await).await.unwrap();
    slow.next().await.unwrap().unwrap();
    accepted(&world.by(&ada, SignOut { idempotency_key: None }).await);
    assert_eq!(read_text(slow).await, Err(CutShort), "the owner has thrown out who reads it");
}

#[tokio::test]
async fn whoever_hardly_reads_gives_the_place_back() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    fond(&world, &ada).await;
    let brief = ExportLimits { piece_wait_max: Duration::from_secs(2), ..ExportLimits::default() };
    let mut slow = commands(&world, brief).await.export(&link(&world, &ada).await).await.unwrap();
    slow.next().await.unwrap().unwrap();
    while world.count(OPEN).await > 0 {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    assert_eq!(read_text(slow).await, Err(CutShort));
}

async fn read_text(mut export: Export) -> Result<String, CutShort> {
    let mut text = String::new();
    while let Some(piece) = export.next().await {
        text.push_str(&piece?);
    }
    Ok(text)
}
