//! Many clients, two processes, the same things: versions and positions stay in order.

use crate::world::{Person, World, accepted, create_post, settings};
use async_graphql::MaybeUndefined;
use millrace_command::{
    AddComment, Command, Commands, CreatePost, DeleteComment, DeletePost, EditComment, EditPost, FollowUser, LikePost,
    PublishPost, Request, SignOut, UnfollowUser, UnlikePost, UnpublishPost, UpdateProfile,
};
use millrace_events::{AggregateKind, CommentId, Envelope, PostId};
use std::collections::HashMap;
use uuid::Uuid;

const CLIENTS: usize = 32;
const ROUNDS: usize = 12;

/// One client: a person, a process that takes its commands, and what all clients share.
struct Client<'a> {
    person: &'a Person,
    commands: &'a Commands,
    people: &'a [Person],
    posts: &'a [PostId],
    comments: &'a [CommentId],
}

impl Client<'_> {
    async fn send<C: Command>(&self, command: C) -> Option<C::Outcome> {
        let answer = self.commands.execute(Request::new(self.person.viewer.clone()), command).await.unwrap();
        answer.outcome().cloned()
    }

    async fn tell<C: Command>(&self, command: C) {
        self.send(command).await;
    }

    async fn round(&self, number: usize) {
        let key = || None;
        let (post_id, comment_id) =
            (self.posts[number % self.posts.len()], self.comments[number % self.comments.len()]);
        let user_id = self.people[number % self.people.len()].id;
        let text = format!("Text {number}");
        match number % 12 {
            0 => self.tell(AddComment { post_id, text, idempotency_key: key() }).await,
            1 => self.tell(LikePost { post_id, idempotency_key: key() }).await,
            2 => self.tell(UnlikePost { post_id, idempotency_key: key() }).await,
            3 => self.tell(FollowUser { user_id, idempotency_key: key() }).await,
            4 => self.tell(UnfollowUser { user_id, idempotency_key: key() }).await,
            5 => self.tell(edit_post(post_id, text)).await,
            6 => self.tell(EditComment { comment_id, text, expected_version: None, idempotency_key: key() }).await,
            7 => self.tell(UnpublishPost { post_id, expected_version: None, idempotency_key: key() }).await,
            8 => self.tell(PublishPost { post_id, expected_version: None, idempotency_key: key() }).await,
            9 => self.tell(bio(text)).await,
            10 => self.write_and_delete().await,
            _ => self.tell(create_post(true)).await,
        }
    }

    async fn write_and_delete(&self) {
        let post = self.send(CreatePost { idempotency_key: None, ..create_post(true) }).await.unwrap().post;
        let comment = AddComment { post_id: post, text: "First!".into(), idempotency_key: None };
        let comment_id = self.send(comment).await.unwrap().comment;
        self.send(DeleteComment { comment_id, expected_version: None, idempotency_key: None }).await.unwrap();
        self.send(DeletePost { post_id: post, expected_version: None, idempotency_key: None }).await.unwrap();
    }
}

fn edit_post(post_id: PostId, title: String) -> EditPost {
    EditPost { post_id, title: Some(title), body: None, tags: None, expected_version: None, idempotency_key: None }
}

fn bio(text: String) -> UpdateProfile {
    UpdateProfile {
        first_name: None,
        last_name: None,
        avatar_url: MaybeUndefined::Undefined,
        bio: MaybeUndefined::Value(text),
        expected_version: None,
        idempotency_key: None,
    }
}

/// Positions 1, 2, 3…, versions 1, 2, 3… of each aggregate in that order, a command's events together. Answers the last versions.
fn check(log: &[Envelope]) -> HashMap<(AggregateKind, Uuid), u32> {
    let mut versions = HashMap::new();
    for (envelope, position) in log.iter().zip(1..) {
        assert_eq!(envelope.position.0, position);
        let aggregate = envelope.aggregate;
        let last = versions.insert((aggregate.kind, aggregate.id), aggregate.version).unwrap_or(0);
        assert_eq!(aggregate.version, last + 1, "{envelope:?}");
    }
    for pair in log.windows(2).filter(|pair| !pair[0].ends_command()) {
        assert_eq!((pair[0].command_id, pair[0].command_index + 1), (pair[1].command_id, pair[1].command_index));
    }
    versions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_clients_keep_versions_and_positions_in_order() {
    let world = World::new().await;
    let other = world.commands_with(world.postgres(), settings(), world.auth()).await;
    let names: Vec<_> = (0..CLIENTS).map(|n| format!("Client{n}")).collect();
    let people = futures_util::future::join_all(names.iter().map(|name| world.sign_up(name))).await;
    let mut posts = Vec::new();
    let mut comments = Vec::new();
    for author in &people[..4] {
        let post_id = world.post(author, true).await;
        posts.push(post_id);
        let comment = AddComment { post_id, text: "First!".into(), idempotency_key: None };
        comments.push(accepted(&world.by(author, comment).await).comment);
    }
    let clients = people.iter().enumerate().map(|(n, person)| {
        let commands = if n % 2 == 0 { &world.commands } else { &other };
        let client = Client { person, commands, people: &people, posts: &posts, comments: &comments };
        async move {
            for round in 0..ROUNDS {
                client.round(n + round).await;
            }
        }
    });
    futures_util::future::join_all(clients).await;
    world.by(&people[0], SignOut::default()).await;

    let versions = check(&world.envelopes().await);
    assert!(versions.len() > CLIENTS);
    for (kind, table) in
        [(AggregateKind::User, "users"), (AggregateKind::Post, "posts"), (AggregateKind::Comment, "comments")]
    {
        for (id, version) in world.versions(table).await {
            assert_eq!(versions[&(kind, id)], version, "{table} {id}");
        }
    }
    assert_eq!(world.count("outbox").await, 0);
}
