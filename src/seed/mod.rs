//! Demo data, made through real commands: a community, a shop, and accounts to try them with.

mod community;
mod picture;
mod shop;

use crate::roles::command::CommandRoleSettings;
use crate::roles::{self, RoleError};
use crate::settings::Settings;
use community::Community;
use millrace_command::auth::{AccessTokenError, AccessTokenVerifier};
use millrace_command::{
    Answer, Command, CommandError, CommandErrorCode, CommandFailure, Commands, Request, SecretText, SignUp,
};
use millrace_events::values::{Email, ValueError};
use millrace_events::{Role, Timestamp, UserId, Viewer};
use shop::Shop;
use time::OffsetDateTime;

pub use self::shop::picture;

/// The demo customer's address.
pub const DEMO_EMAIL: &str = "demo@millrace.example";
/// The demo customer's password.
pub const DEMO_PASSWORD: &str = "millrace-demo";
/// The address of the demo shop's staff.
pub const STAFF_EMAIL: &str = "staff@millrace.example";
/// The password of the demo shop's staff.
pub const STAFF_PASSWORD: &str = "millrace-staff";
/// Where the public endpoint serves the demo shop's pictures.
pub const PICTURES_PATH: &str = "/demo/pictures/";
/// A seed that died half-way goes on: within a day each command takes effect once.
const KEY_PREFIX: &str = "seed";

/// Why the demo data could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A role cannot run.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The demo's text cannot be read.
    #[error("the demo's text")]
    Text(#[from] serde_json::Error),
    /// An address in it is none.
    #[error("an e-mail address")]
    Value(#[from] ValueError),
    /// A command has no answer.
    #[error("{command} was not answered")]
    Failed {
        /// Which command.
        command: &'static str,
        /// Why.
        #[source]
        source: CommandFailure,
    },
    /// A command was rejected.
    #[error("{command} was rejected: {errors:?}")]
    Rejected {
        /// Which command.
        command: &'static str,
        /// Why.
        errors: Vec<CommandError>,
    },
    /// A sign-up gave no credentials.
    #[error("signing up gave no session")]
    NoSession,
    /// Our own token is not valid: the key files do not belong together.
    #[error("the key files do not belong together")]
    Token(#[from] AccessTokenError),
    /// The account with that number does not exist.
    #[error("the community has no person {0}")]
    NoPerson(usize),
    /// The product with that number does not exist.
    #[error("the shop has no product {0}")]
    NoProduct(usize),
}

impl SeedError {
    fn is_taken_address(&self) -> bool {
        let taken = |error: &CommandError| error.kind() == CommandErrorCode::EmailTaken;
        matches!(self, Self::Rejected { errors, .. } if errors.iter().any(taken))
    }
}

/// Makes the demo data, and says so.
pub async fn run(settings: &Settings) -> Result<(), SeedError> {
    if if_empty(settings).await? {
        println!("the demo data is there: {DEMO_EMAIL} with password {DEMO_PASSWORD}");
        println!("and for the shop's staff: {STAFF_EMAIL} with password {STAFF_PASSWORD}");
    } else {
        println!("nothing to do: the demo accounts are there");
    }
    Ok(())
}

/// Makes the demo data unless it is there. The newest member comes last, and so tells whether all of it is there. One that was begun
/// earlier than keys are kept, as by an older version, is left as it is. True if it was made.
pub async fn if_empty(settings: &Settings) -> Result<bool, SeedError> {
    let (community, shop) = (Community::read()?, Shop::read()?);
    let commands = roles::command::commands(CommandRoleSettings::of(settings)).await?;
    let last = Email::parse(&community.newest.person().email)?;
    let found = commands.find_user(&last).await.map_err(|source| SeedError::Failed { command: "findUser", source })?;
    if found.is_some() {
        return Ok(false);
    }
    let verifier = roles::query::verifier(&settings.auth.verify_key_file)?;
    let pictures_at = format!("{}{PICTURES_PATH}", settings.http.local_url());
    let seed = Seed { commands, verifier, pictures_at, people: Vec::new() };
    match seed.make(&community, &shop).await {
        Err(error) if error.is_taken_address() => Ok(false),
        made => made.map(|()| true),
    }
}

/// The people of the community as they sign in, for whoever plays them.
pub fn residents() -> Result<Vec<Person>, SeedError> {
    Ok(Community::read()?.people.iter().map(community::PersonText::person).collect())
}

/// The demo shop's staff, as they sign in.
pub fn staff() -> Person {
    Person::new("Shop", "Keeper", STAFF_EMAIL, STAFF_PASSWORD)
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    first_name: String,
    last_name: String,
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
}

impl Person {
    fn new(first_name: &str, last_name: &str, email: &str, password: &str) -> Self {
        let owned = str::to_owned;
        let [first_name, last_name, email, password] = [first_name, last_name, email, password].map(owned);
        Self { first_name, last_name, email, password }
    }
}

struct Seed {
    commands: Commands,
    verifier: AccessTokenVerifier,
    /// The address of pictures, up to their names.
    pictures_at: String,
    /// The community's people, then staff, then the demo customer: the demo's text knows them by their numbers.
    people: Vec<(UserId, Viewer)>,
}

impl Seed {
    async fn make(mut self, community: &Community, shop: &Shop) -> Result<(), SeedError> {
        self.make_community(community).await?;
        let staff = self.sign_up(&staff()).await?;
        self.grant_staff(staff).await?;
        let demo = self.sign_up(&Person::new("Demo", "Visitor", DEMO_EMAIL, DEMO_PASSWORD)).await?;
        for followed in &community.demo_follows {
            self.follow(demo, *followed).await?;
        }
        self.make_shop(staff, shop).await?;
        self.join(&community.newest).await
    }

    /// Answers the person's number.
    async fn sign_up(&mut self, person: &Person) -> Result<usize, SeedError> {
        let input = SignUp {
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            email: person.email.clone(),
            password: SecretText::from(person.password.clone()),
            idempotency_key: Some(KEY_PREFIX.into()),
        };
        let answer = self.execute(Viewer::Anonymous, input).await?;
        if !answer.errors().is_empty() {
            return Err(SeedError::Rejected { command: SignUp::NAME, errors: answer.errors().to_vec() });
        }
        let session = answer.session().ok_or(SeedError::NoSession)?;
        let person = self.verifier.verify(&session.access_token, Timestamp::new(OffsetDateTime::now_utc()))?;
        self.people.push((person.user_id, Viewer::Person(person)));
        Ok(self.people.len() - 1)
    }

    /// On the operator's word, which the demo has.
    async fn grant_staff(&self, number: usize) -> Result<(), SeedError> {
        const COMMAND: &str = "grantRole";
        let answer = self.commands.grant_role(self.person(number)?.0, Role::Staff).await;
        match answer.map_err(|source| SeedError::Failed { command: COMMAND, source })? {
            Answer::Accepted { .. } => Ok(()),
            Answer::Rejected { errors, .. } => Err(SeedError::Rejected { command: COMMAND, errors }),
        }
    }

    fn person(&self, number: usize) -> Result<&(UserId, Viewer), SeedError> {
        self.people.get(number).ok_or(SeedError::NoPerson(number))
    }

    async fn send<C: Command>(&self, author: usize, input: C) -> Result<C::Outcome, SeedError> {
        let viewer = self.person(author)?.1.clone();
        match self.execute(viewer, input).await? {
            Answer::Accepted { outcome, .. } => Ok(outcome),
            Answer::Rejected { errors, .. } => Err(SeedError::Rejected { command: C::NAME, errors }),
        }
    }

    async fn execute<C: Command>(&self, viewer: Viewer, input: C) -> Result<Answer<C::Outcome>, SeedError> {
        let answer = self.commands.execute(Request::new(viewer), input).await;
        answer.map_err(|source| SeedError::Failed { command: C::NAME, source })
    }
}

/// The key of the number-th of these.
fn key(what: &str, number: usize) -> Option<String> {
    Some(format!("{KEY_PREFIX}-{what}-{number}"))
}
