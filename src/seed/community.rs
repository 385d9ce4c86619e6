//! The demo community: people, whom they follow, what they write.

use super::{KEY_PREFIX, Person, Seed, SeedError, key};
use async_graphql::MaybeUndefined;
use millrace_command::{AddComment, CreatePost, FollowUser, LikePost, UpdateProfile};
use millrace_events::PostId;
use serde::Deserialize;

const COMMUNITY: &str = include_str!("community.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Community {
    pub people: Vec<PersonText>,
    posts: Vec<PostText>,
    follows: Vec<Follow>,
    pub demo_follows: Vec<usize>,
    /// Joins when everything else is there.
    pub newest: PersonText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonText {
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

impl Community {
    pub fn read() -> Result<Self, SeedError> {
        Ok(serde_json::from_str(COMMUNITY)?)
    }
}

impl PersonText {
    /// The account that this person has.
    pub fn person(&self) -> Person {
        let email = format!("{}@millrace.example", self.name);
        let password = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, email.as_bytes()).simple();
        Person::new(&self.first_name, &self.last_name, &email, &format!("millrace-{password}"))
    }
}

impl Seed {
    pub(super) async fn make_community(&mut self, community: &Community) -> Result<(), SeedError> {
        for person in &community.people {
            self.join(person).await?;
        }
        for follow in &community.follows {
            self.follow(follow.follower, follow.followed).await?;
        }
        for (number, post) in community.posts.iter().enumerate().rev() {
            self.write(number, post).await?;
        }
        Ok(())
    }

    /// Signs up, with some words about oneself.
    pub(super) async fn join(&mut self, text: &PersonText) -> Result<(), SeedError> {
        let person = self.sign_up(&text.person()).await?;
        let profile = UpdateProfile {
            first_name: None,
            last_name: None,
            avatar_url: MaybeUndefined::Undefined,
            bio: MaybeUndefined::Value(text.bio.clone()),
            expected_version: None,
            idempotency_key: Some(format!("{KEY_PREFIX}-bio")),
        };
        self.send(person, profile).await.map(|_| ())
    }

    pub(super) async fn follow(&self, follower: usize, followed: usize) -> Result<(), SeedError> {
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
            idempotency_key: key("post", number),
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
}
