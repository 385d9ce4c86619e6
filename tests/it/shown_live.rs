//! Each mutation of the schema moves a subscription that shows it. The list is the schema's own: a new mutation fails here until it
//! has its case.

use crate::harness::client::{Client, PASSWORD, Person, id_of};
use crate::harness::openid::OpenIdProvider;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::openid::stage_with;
use serde_json::{Value, json};

const POST: &str = "subscription($id: ID!) { event: postChanged(id: $id) {
    __typename ... on LiveEvent { commandId }
    ... on PostChanged { post { title status likeCount commentCount author { firstName } comments { nodes { text } } } }
} }";
const COMMENTS: &str = "subscription($id: ID!) { event: commentAdded(postId: $id) {
    __typename ... on LiveEvent { commandId } ... on CommentAdded { comment { text } }
} }";
const FEED: &str = "subscription { event: feedChanged {
    __typename ... on LiveEvent { commandId }
    ... on FeedSnapshot { posts { nodes { title } } } ... on FeedPostAdded { post { title } }
} }";
const PROGRESS: &str = "subscription($id: ID!) { event: commandProgress(id: $id) { id state } }";

/// Two people; Ben follows Ada, who has written a post.
struct World {
    url: String,
    client: Client,
    ada: Person,
    ben: Person,
    post: String,
}

impl World {
    async fn begin(url: &str, client: &Client) -> Self {
        let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
        ben.client.command("followUser", json!({ "userId": ada.id }), "").await;
        let payload = ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
        Self { url: url.to_owned(), client: client.clone(), ada, ben, post: id_of(&payload) }
    }

    async fn open(&self, subscriber: &Client) -> Socket {
        Socket::open(&self.url, subscriber.access_token.as_deref()).await
    }

    /// Subscribes, has the snapshot, sends the mutation, and answers the first event that this command caused.
    async fn moved(&self, subscription: &str, sender: &Person, name: &str, input: Value) -> Value {
        let mut socket = self.open(&self.ben.client).await;
        socket.subscribe("1", subscription, json!({ "id": self.post })).await;
        let snapshot = socket.event("event", "the snapshot").await;
        assert_eq!(snapshot["commandId"], Value::Null, "{snapshot:#}");
        let payload = sender.client.command(name, input, "").await;
        loop {
            let event = socket.event("event", name).await;
            if event["commandId"] == payload["receipt"]["commandId"] {
                return event;
            }
        }
    }

    /// The command's progress, as this person sees it, comes to its end.
    async fn progresses(&self, viewer: &Client, payload: &Value) {
        let mut socket = self.open(viewer).await;
        let id = &payload["receipt"]["commandId"];
        socket.subscribe("1", PROGRESS, json!({ "id": id })).await;
        while socket.event("event", "the command's next state").await["state"] != "VISIBLE" {}
    }

    async fn comment(&self, text: &str) -> String {
        let input = json!({ "postId": self.post, "text": text });
        id_of(&self.ben.client.command("addComment", input, "").await)
    }
}

#[tokio::test]
async fn each_mutation_of_the_schema_moves_a_subscription() {
    let openid = OpenIdProvider::start().await;
    let stage = stage_with(&[&openid]).await;
    let (process, client) = stage.all().await;
    let root = client.ask("{ __schema { mutationType { fields { name } } } }", json!({})).await;
    for field in root["__schema"]["mutationType"]["fields"].as_array().expect("fields") {
        let name = field["name"].as_str().expect("a name");
        let world = World::begin(&process.graphql(), &client).await;
        match name {
            "signUp" | "signIn" | "refreshSession" | "signOut" | "signOutEverywhere" => session(&world, name).await,
            "signInWithProvider" | "linkProvider" | "unlinkProvider" => provider(&world, &openid, name).await,
            "updateProfile" | "followUser" | "unfollowUser" => person(&world, name).await,
            "eraseAccount" => erasure(&world, name).await,
            "exportMyData" => export(&world, name).await,
            "createPost" | "editPost" | "publishPost" | "unpublishPost" | "deletePost" => post(&world, name).await,
            "addComment" | "editComment" | "deleteComment" | "likePost" | "unlikePost" => talk(&world, name).await,
            "hidePost" | "unhidePost" | "hideComment" | "unhideComment" => hiding(&stage, &world, name).await,
            account if crate::accounts::MUTATIONS.contains(&account) => {
                crate::accounts::moves(&stage, &process, &client, account).await;
            }
            shop if crate::shop::MUTATIONS.contains(&shop) => {
                crate::shop::moves(&crate::shop::Shop::begin(&stage, &client).await, shop).await;
            }
            other => panic!("which subscription shows what {other} does?"),
        }
    }
    process.stop().await;
}

/// Sign-ins are nobody's to watch: what they give or take is the right to a subscription of one's own.
async fn session(world: &World, name: &str) {
    let ada = &world.ada;
    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    match name {
        "signUp" => {
            let input = json!({
                "firstName": "Eve", "lastName": "Test", "email": format!("eve-{}", ada.email), "password": PASSWORD,
            });
            let payload = world.client.command("signUp", input, "session { accessToken }").await;
            world.progresses(&world.client, &payload).await;
            has_a_feed(world, &payload).await;
        }
        "signIn" => {
            let payload = world.client.command("signIn", credentials, "session { accessToken }").await;
            has_a_feed(world, &payload).await;
        }
        "refreshSession" => {
            let input = json!({ "refreshToken": ada.refresh_token });
            let payload = world.client.command("refreshSession", input, "session { accessToken }").await;
            has_a_feed(world, &payload).await;
        }
        _ => {
            let mut open = world.open(&ada.client).await;
            let payload = ada.client.command(name, json!({}), "").await;
            let again = world.client.command("signIn", credentials, "session { accessToken }").await;
            world.progresses(&with_session(&world.client, &again), &payload).await;
            match open.receive("the end of the socket").await {
                Received::Closed(code) => assert_eq!(code, 4403),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// By their progress, or by what they give the right to.
async fn provider(world: &World, openid: &OpenIdProvider, name: &str) {
    let token = |subject: &str| openid.token(subject, &format!("{subject}@millrace.example"));
    match name {
        "signInWithProvider" => {
            let payload =
                world.client.command(name, json!({ "idToken": token("eve") }), "session { accessToken }").await;
            has_a_feed(world, &payload).await;
        }
        "linkProvider" => {
            let link = json!({ "idToken": token("link"), "password": PASSWORD });
            let payload = world.ada.client.command(name, link, "").await;
            world.progresses(&world.ada.client, &payload).await;
        }
        _ => {
            let link = json!({ "idToken": token("unlink"), "password": PASSWORD });
            world.ada.client.command("linkProvider", link, "").await;
            let payload = world.ada.client.command(name, json!({ "issuer": openid.issuer }), "").await;
            world.progresses(&world.ada.client, &payload).await;
        }
    }
}

async fn has_a_feed(world: &World, payload: &Value) {
    let mut socket = world.open(&with_session(&world.client, payload)).await;
    socket.subscribe("1", FEED, json!({})).await;
    assert_eq!(socket.event("event", "one's own feed").await["__typename"], "FeedSnapshot");
}

fn with_session(client: &Client, payload: &Value) -> Client {
    let token = payload["session"]["accessToken"].as_str().expect("a token");
    Client { access_token: Some(token.to_owned()), ..client.clone() }
}

async fn person(world: &World, name: &str) {
    match name {
        "updateProfile" => {
            let event = world.moved(POST, &world.ada, name, json!({ "firstName": "Augusta" })).await;
            assert_eq!(event["post"]["author"]["firstName"], "Augusta", "{event:#}");
        }
        "followUser" => {
            let eve = world.client.sign_up("Eve").await;
            eve.client.command("createPost", json!({ "title": "Eve's", "body": "Words." }), "").await;
            let event = world.moved(FEED, &world.ben, name, json!({ "userId": eve.id })).await;
            assert_eq!(event["posts"]["nodes"], json!([{ "title": "Eve's" }, { "title": "One" }]));
        }
        _ => {
            let event = world.moved(FEED, &world.ben, name, json!({ "userId": world.ada.id })).await;
            assert_eq!(event["posts"]["nodes"], json!([]));
        }
    }
}

/// It changes nothing, so that there is nothing to watch: a watcher hears what came after it, and never of it.
async fn export(world: &World, name: &str) {
    let mut socket = world.open(&world.ben.client).await;
    socket.subscribe("1", POST, json!({ "id": world.post })).await;
    socket.event("event", "the snapshot").await;
    let payload = world.ada.client.command(name, json!({ "password": PASSWORD }), "export { url }").await;
    assert!(payload["export"]["url"].is_string(), "{payload:#}");
    let liked = world.ben.client.command("likePost", json!({ "postId": world.post }), "").await;
    loop {
        let event = socket.event("event", "the like").await;
        assert_ne!(event["commandId"], payload["receipt"]["commandId"], "{event:#}");
        if event["commandId"] == liked["receipt"]["commandId"] {
            return;
        }
    }
}

/// Whoever watches a post sees what its author wrote go.
async fn erasure(world: &World, name: &str) {
    let event = world.moved(POST, &world.ada, name, json!({ "password": PASSWORD })).await;
    let post = &event["post"];
    assert_eq!((&post["title"], &post["author"]["firstName"]), (&json!(""), &json!("Deleted")), "{event:#}");
}

async fn post(world: &World, name: &str) {
    let (ada, input) = (&world.ada, json!({ "postId": world.post }));
    match name {
        "createPost" => {
            let event = world.moved(FEED, ada, name, json!({ "title": "Two", "body": "Words." })).await;
            assert_eq!((&event["__typename"], &event["post"]["title"]), (&json!("FeedPostAdded"), &json!("Two")));
        }
        "editPost" => {
            let event = world.moved(POST, ada, name, json!({ "postId": world.post, "title": "Other" })).await;
            assert_eq!(event["post"]["title"], "Other", "{event:#}");
        }
        "publishPost" => {
            ada.client.command("unpublishPost", input.clone(), "").await;
            let event = world.moved(FEED, ada, name, input).await;
            assert_eq!((&event["__typename"], &event["post"]["title"]), (&json!("FeedPostAdded"), &json!("One")));
        }
        "unpublishPost" => {
            assert_eq!(world.moved(POST, ada, name, input.clone()).await["__typename"], "PostDeleted");
            ada.client.command("publishPost", input.clone(), "").await;
            assert_eq!(world.moved(FEED, ada, name, input).await["__typename"], "FeedPostGone");
        }
        _ => assert_eq!(world.moved(POST, ada, name, input).await["__typename"], "PostDeleted"),
    }
}

/// Ben, who is not staff, sees it go and come.
async fn hiding(stage: &Stage, world: &World, name: &str) {
    let staff = world.client.sign_up("Staff").await;
    stage.grant(&staff, "staff").await;
    let post = json!({ "postId": world.post, "reason": "It names a neighbour." });
    let comment = || async { json!({ "commentId": world.comment("First.").await, "reason": "It names a neighbour." }) };
    match name {
        "hidePost" => {
            assert_eq!(world.moved(POST, &staff, name, post.clone()).await["__typename"], "PostDeleted");
            staff.client.command("unhidePost", json!({ "postId": world.post }), "").await;
            assert_eq!(world.moved(FEED, &staff, name, post).await["__typename"], "FeedPostGone");
        }
        "unhidePost" => {
            staff.client.command("hidePost", post, "").await;
            let event = world.moved(FEED, &staff, name, json!({ "postId": world.post })).await;
            assert_eq!((&event["__typename"], &event["post"]["title"]), (&json!("FeedPostAdded"), &json!("One")));
        }
        "hideComment" => {
            let event = world.moved(POST, &staff, name, comment().await).await;
            assert_eq!((&event["post"]["commentCount"], &event["post"]["comments"]["nodes"]), (&json!(0), &json!([])));
        }
        _ => {
            let hidden = comment().await;
            staff.client.command("hideComment", hidden.clone(), "").await;
            let input = json!({ "commentId": hidden["commentId"] });
            let event = world.moved(COMMENTS, &staff, name, input).await;
            assert_eq!(event["comment"]["text"], "First.", "{event:#}");
        }
    }
}

async fn talk(world: &World, name: &str) {
    let (ben, input) = (&world.ben, json!({ "postId": world.post }));
    match name {
        "addComment" => {
            let input = json!({ "postId": world.post, "text": "First." });
            let event = world.moved(COMMENTS, ben, name, input).await;
            assert_eq!(event["comment"]["text"], "First.", "{event:#}");
        }
        "editComment" => {
            let comment = world.comment("First.").await;
            let input = json!({ "commentId": comment, "text": "Second thoughts." });
            let event = world.moved(POST, ben, name, input).await;
            assert_eq!(event["post"]["comments"]["nodes"], json!([{ "text": "Second thoughts." }]), "{event:#}");
        }
        "deleteComment" => {
            let comment = world.comment("First.").await;
            let event = world.moved(POST, ben, name, json!({ "commentId": comment })).await;
            assert_eq!(event["post"]["commentCount"], 0, "{event:#}");
        }
        "likePost" => assert_eq!(world.moved(POST, ben, name, input).await["post"]["likeCount"], 1),
        _ => {
            ben.client.command("likePost", input.clone(), "").await;
            assert_eq!(world.moved(POST, ben, name, input).await["post"]["likeCount"], 0);
        }
    }
}
