//! A demo community, made through real commands: people, posts, comments, likes, and an account to try it with.

use crate::roles::{self, RoleError};
use crate::settings::Settings;
use millrace_command::auth::{AccessTokenError, AccessTokenVerifier};
use millrace_command::{
    AddComment, Answer, Command, CommandError, CommandFailure, Commands, CreatePost, FollowUser, LikePost, Request,
    SecretText, SignUp, UpdateProfile,
};
use millrace_events::values::{Email, ValueError};
use millrace_events::{PostId, Timestamp, UserId, Viewer};
use serde::Deserialize;
use time::OffsetDateTime;

/// The demo account's address.
pub const DEMO_EMAIL: &str = "demo@millrace.example";
/// The demo account's password.
pub const DEMO_PASSWORD: &str = "millrace-demo";
const COMMUNITY: &str = include_str!("community.json");
/// A seed that died half-way goes on: within a day each command takes effect once.
const KEY_PREFIX: &str = "seed";

/// Why the demo community could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A role cannot run.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The community's text cannot be read.
    #[error("the community's text")]
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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Community {
    people: Vec<PersonText>,
    posts: Vec<PostText>,
    follows: Vec<Follow>,
    demo_follows: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersonText {
    first_name: String,
    last_name: String,
    bio: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostText {
    author: usize,
    title: String,
    body: String,
    tags: Vec<String>,
    comments: Vec<CommentText>,
    liked_by: Vec<usize>,
}

#[derive(Deserialize)]
struct CommentText {
    author: usize,
    text: String,
}

#[derive(Deserialize)]
struct Follow {
    follower: usize,
    followed: usize,
}

/// Makes the community, and says so.
pub async fn run(settings: &Settings) -> Result<(), SeedError> {
    if if_empty(settings).await? {
        println!("the demo community is there: {DEMO_EMAIL} with password {DEMO_PASSWORD}");
    } else {
        println!("nothing to do: the demo account is there");
    }
    Ok(())
}

/// Makes the community unless it is there. The demo account comes last, so that it tells whether all of it is there. True if it was made.
pub async fn if_empty(settings: &Settings) -> Result<bool, SeedError> {
    let commands = roles::command::commands(settings).await?;
    let verifier = roles::query::verifier(&settings.auth)?;
    let demo = Email::parse(DEMO_EMAIL)?;
    let found = commands.find_user(&demo).await.map_err(|source| SeedError::Failed { command: "findUser", source })?;
    if found.is_some() {
        return Ok(false);
    }
    Seed { commands, verifier, people: Vec::new() }.make(&serde_json::from_str(COMMUNITY)?).await?;
    Ok(true)
}

struct Seed {
    commands: Commands,
    verifier: AccessTokenVerifier,
    people: Vec<(UserId, Viewer)>,
}

impl Seed {
    async fn make(mut self, community: &Community) -> Result<(), SeedError> {
        for person in &community.people {
            self.sign_up_with_bio(person).await?;
        }
        for follow in &community.follows {
            self.follow(follow.follower, follow.followed).await?;
        }
        for (number, post) in community.posts.iter().enumerate().rev() {
            self.write(number, post).await?;
        }
        self.sign_up("Demo", "Visitor", DEMO_EMAIL, DEMO_PASSWORD).await?;
        let demo = self.people.len() - 1;
        for followed in &community.demo_follows {
            self.follow(demo, *followed).await?;
        }
        Ok(())
    }

    async fn sign_up_with_bio(&mut self, person: &PersonText) -> Result<(), SeedError> {
        let email = format!("{}@millrace.example", person.name);
        let password =
            format!("millrace-{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, email.as_bytes()).simple());
        self.sign_up(&person.first_name, &person.last_name, &email, &password).await?;
        let author = self.people.len() - 1;
        let profile = UpdateProfile {
            first_name: None,
            last_name: None,
            avatar_url: async_graphql::MaybeUndefined::Undefined,
            bio: async_graphql::MaybeUndefined::Value(person.bio.clone()),
            expected_version: None,
            idempotency_key: Some(format!("{KEY_PREFIX}-bio")),
        };
        self.send(author, profile).await.map(|_| ())
    }

    async fn sign_up(&mut self, first: &str, last: &str, email: &str, password: &str) -> Result<(), SeedError> {
        let input = SignUp {
            first_name: first.into(),
            last_name: last.into(),
            email: email.into(),
            password: SecretText::from(password.to_owned()),
            idempotency_key: Some(KEY_PREFIX.into()),
        };
        let answer = self.execute(Viewer::Anonymous, input).await?;
        let session = answer.session().ok_or(SeedError::NoSession)?;
        let person = self.verifier.verify(&session.access_token, Timestamp::new(OffsetDateTime::now_utc()))?;
        self.people.push((person.user_id, Viewer::Person(person)));
        Ok(())
    }

    async fn follow(&self, follower: usize, followed: usize) -> Result<(), SeedError> {
        let user_id = self.person(followed)?.0;
        let input = FollowUser { user_id, idempotency_key: None };
        self.send(follower, input).await.map(|_| ())
    }

    async fn write(&self, number: usize, post: &PostText) -> Result<(), SeedError> {
        let input = CreatePost {
            title: post.title.clone(),
            body: post.body.clone(),
            tags: post.tags.clone(),
            publish: true,
            idempotency_key: Some(format!("{KEY_PREFIX}-post-{number}")),
        };
        let post_id = self.send(post.author, input).await?.post;
        for (index, comment) in post.comments.iter().enumerate() {
            self.comment(post_id, index, comment).await?;
        }
        for author in &post.liked_by {
            self.send(*author, LikePost { post_id, idempotency_key: None }).await?;
        }
        Ok(())
    }

    async fn comment(&self, post_id: PostId, index: usize, comment: &CommentText) -> Result<(), SeedError> {
        let key = format!("{KEY_PREFIX}-{}-{index}", post_id.0.simple());
        let input = AddComment { post_id, text: comment.text.clone(), idempotency_key: Some(key) };
        self.send(comment.author, input).await.map(|_| ())
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
