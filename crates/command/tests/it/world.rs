//! A database of its own for each test, and people who use it.

use millrace_command::auth::openid::IdTokens;
use millrace_command::auth::{
    AccessTokenSigner, AccessTokenVerifier, AttemptLimits, Attempts, ExportLinkRules, ExportLinks, PasswordCost,
    PasswordLimits, Passwords, generate_key_pair,
};
use millrace_command::mail::{MailCounts, MailLimits};
use millrace_command::{
    Answer, Auth, Command, CommandError, CommandFailure, CommandReceipt, Commands, CreatePost, Request, SecretText,
    ServerSecret, Session, Settings, SignIn, SignUp,
};
use millrace_events::{
    CommandId, Envelope, KeyState, PersonKey, Position, PostId, Recorded, Timestamp, UserId, Viewer,
};
use millrace_log::{Log, PostgresSettings};
use millrace_servers::{Shared, unique_name};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";
/// Hashing is what is tested elsewhere; here it shall take no time.
pub const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };
const EVENTS_MAX: u32 = 10_000;
/// What is no test of a limit may take this long on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The command side over a database of its own.
pub struct World {
    pub url: String,
    pub log: Log,
    pub commands: Commands,
    pub verifier: AccessTokenVerifier,
    private_pem: String,
}

/// Somebody with an account.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub session: Session,
    pub viewer: Viewer,
}

impl World {
    pub async fn new() -> Self {
        let world = Self::without_tables().await;
        world.log.migrate().await.unwrap();
        world
    }

    /// The same, whose database is empty.
    pub async fn without_tables() -> Self {
        let url = new_database().await;
        let log = Log::connect(&patient(&url)).await.unwrap();
        let pair = generate_key_pair().unwrap();
        let commands = Commands::new(log.clone(), auth(&pair.private_pem), settings());
        let verifier = AccessTokenVerifier::from_pem(&pair.public_pem).unwrap();
        Self { url, log, commands, verifier, private_pem: pair.private_pem }
    }

    /// The same side once more, as another process would have it, with other limits.
    pub async fn commands_with(&self, postgres: PostgresSettings, settings: Settings, auth: Auth) -> Commands {
        Commands::new(Log::connect(&postgres).await.unwrap(), auth, settings)
    }

    /// How its database is reached.
    pub fn postgres(&self) -> PostgresSettings {
        patient(&self.url)
    }

    pub fn auth(&self) -> Auth {
        auth(&self.private_pem)
    }

    /// The same with other links to exports.
    pub fn auth_with(&self, rules: ExportLinkRules) -> Auth {
        Auth { exports: ExportLinks::from_pem(&self.private_pem, rules).unwrap(), ..self.auth() }
    }

    pub fn database(&self) -> &DatabaseConnection {
        self.log.database()
    }

    pub async fn sql(&self, sql: &str) -> u64 {
        self.database().execute_unprepared(sql).await.unwrap().rows_affected()
    }

    pub async fn count(&self, table_and_condition: &str) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {table_and_condition}");
        let row = self.database().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
        row.unwrap().try_get("", "n").unwrap()
    }

    /// The versions of all rows.
    pub async fn versions(&self, table: &str) -> Vec<(Uuid, u32)> {
        let query = Statement::from_string(DbBackend::Postgres, format!("SELECT id, version FROM {table}"));
        let rows = self.database().query_all_raw(query).await.unwrap();
        let version = |row: &QueryResult| u32::try_from(row.try_get::<i32>("", "version").unwrap()).unwrap();
        rows.iter().map(|row| (row.try_get("", "id").unwrap(), version(row))).collect()
    }

    pub async fn sign_up(&self, first_name: &str) -> Person {
        let email = format!("{}@example.org", unique_name(&first_name.to_lowercase()));
        let answer = self.anonymously(sign_up(first_name, &email)).await.unwrap();
        let (user, session) = (accepted(&answer).user, answer.session().unwrap().clone());
        Person { id: user, email, viewer: self.viewer(&session), session }
    }

    /// Another sign-in of the same person.
    pub async fn sign_in(&self, person: &Person) -> Person {
        let sign_in = SignIn { email: person.email.clone(), password: SecretText(PASSWORD.into()), reactivate: false };
        let session = self.anonymously(sign_in).await.unwrap().session().unwrap().clone();
        Person { viewer: self.viewer(&session), session, ..person.clone() }
    }

    pub fn viewer(&self, session: &Session) -> Viewer {
        Viewer::Person(self.verifier.verify(&session.access_token, now()).unwrap())
    }

    pub async fn anonymously<C: Command>(&self, command: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        self.commands.execute(Request::new(Viewer::Anonymous), command).await
    }

    pub async fn by<C: Command>(&self, person: &Person, command: C) -> Answer<C::Outcome> {
        self.try_by(person, command).await.unwrap()
    }

    pub async fn try_by<C: Command>(&self, who: &Person, command: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        self.commands.execute(Request::new(who.viewer.clone()), command).await
    }

    pub async fn post(&self, author: &Person, publish: bool) -> PostId {
        accepted(&self.by(author, create_post(publish)).await).post
    }

    /// The whole log, after everything that is committed has its position.
    pub async fn envelopes(&self) -> Vec<Envelope> {
        self.log.sequence().await.unwrap();
        self.log.read(Position::START, EVENTS_MAX).await.unwrap()
    }

    /// The events of one command, readable.
    pub async fn events(&self, command_id: CommandId) -> Vec<Recorded> {
        let keys = self.keys().await;
        let mine = self.envelopes().await.into_iter().filter(|envelope| envelope.command_id == command_id);
        mine.map(|envelope| open(envelope, &keys)).collect()
    }

    /// The one event of an accepted command.
    pub async fn event<O>(&self, answer: &Answer<O>) -> Recorded {
        let events = self.events(answer.receipt().command_id).await;
        assert_eq!(events.len(), 1, "{events:?}");
        events.into_iter().next().unwrap()
    }

    /// An accepted command that changed nothing has no events, and the log did not grow.
    pub async fn changed_nothing<O: std::fmt::Debug>(&self, answer: &Answer<O>) {
        accepted(answer);
        assert_eq!(self.events(answer.receipt().command_id).await, []);
        assert!(answer.receipt().consistency_token.is_some());
    }

    async fn keys(&self) -> HashMap<UserId, PersonKey> {
        let rows = self.log.keys_after(0, EVENTS_MAX).await.unwrap();
        let live = rows.into_iter().filter_map(|row| match row.state {
            KeyState::Live(key) => Some((row.user_id, key)),
            KeyState::Destroyed => None,
        });
        live.collect()
    }
}

fn open(mut envelope: Envelope, keys: &HashMap<UserId, PersonKey>) -> Recorded {
    let key_of = |user: UserId| keys.get(&user).cloned().map(KeyState::Live);
    millrace_events::seal::open(&mut envelope.payload, envelope.event_id, &key_of).unwrap();
    envelope.decode().unwrap()
}

async fn new_database() -> String {
    let server = server_url().await;
    let name = unique_name("command");
    let admin = Database::connect(&server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    admin.execute_unprepared(&format!("ALTER DATABASE {name} SET deadlock_timeout = '500ms'")).await.unwrap();
    admin.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// Another server than the shared one can be named, for trying things out.
async fn server_url() -> String {
    match std::env::var("MILLRACE_TEST_POSTGRES") {
        Ok(url) => url,
        Err(_) => Shared::from_environment().await.unwrap().urls().postgresql.clone(),
    }
}

fn auth(private_pem: &str) -> Auth {
    Auth {
        passwords: Passwords::new(CHEAP, PasswordLimits { at_once_max: 4, waiting_max: 1_000, ..Default::default() })
            .unwrap(),
        signer: AccessTokenSigner::from_pem(private_pem).unwrap(),
        attempts: Attempts::new(AttemptLimits::default()),
        exports: ExportLinks::from_pem(private_pem, ExportLinkRules::default()).unwrap(),
        resets: Attempts::new(AttemptLimits::of_resets()),
        mails: MailCounts::new(MailLimits::default()),
        new_passwords: Attempts::new(AttemptLimits::of_new_passwords()),
        id_tokens: IdTokens::none(),
        refused_id_tokens: Attempts::new(AttemptLimits::of_id_tokens()),
    }
}

/// A database that is given all the time that a busy machine may need.
pub fn patient(url: &str) -> PostgresSettings {
    PostgresSettings {
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        idle_in_transaction_timeout: PATIENCE,
        ..PostgresSettings::new(url)
    }
}

pub fn settings() -> Settings {
    let settings = Settings::new(ServerSecret::new(*b"a secret of at least 32 bytes ...").unwrap());
    Settings { answer_wait_max: PATIENCE, ..settings }
}

pub fn now() -> Timestamp {
    Timestamp::new(OffsetDateTime::now_utc())
}

pub fn sign_up(first_name: &str, email: &str) -> SignUp {
    SignUp {
        first_name: first_name.into(),
        last_name: "Lovelace".into(),
        email: email.into(),
        password: SecretText(PASSWORD.into()),
        idempotency_key: None,
    }
}

pub fn create_post(publish: bool) -> CreatePost {
    CreatePost {
        title: "On engines".into(),
        body: "They weave algebraic patterns.".into(),
        tags: vec!["engines".into(), "#Looms".into()],
        publish,
        idempotency_key: None,
    }
}

#[track_caller]
pub fn accepted<O: std::fmt::Debug>(answer: &Answer<O>) -> &O {
    assert!(answer.receipt().accepted, "{:?}", answer.errors());
    answer.outcome().unwrap()
}

/// The one error of a rejected command, which tells where the log ends all the same.
#[track_caller]
pub fn rejected<O: std::fmt::Debug>(answer: &Answer<O>) -> CommandError {
    let CommandReceipt { accepted, replayed, consistency_token, .. } = answer.receipt();
    assert!(!accepted && !replayed && consistency_token.is_some(), "{answer:?}");
    assert_eq!(answer.errors().len(), 1, "{answer:?}");
    answer.errors()[0].clone()
}
