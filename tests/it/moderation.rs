//! What staff hide is there for its author and staff only, wherever one looks and listens; shown again it is what and where it was.

use crate::checker::everything_holds;
use crate::harness::client::{Client, Person, id_of, token};
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

pub const REASON: &str = "It names a neighbour.";
const POST: &str = "query($id: ID!) {
    post(id: $id) { ...Shown }
    node(id: $id) { ... on Post { ...Shown } }
    nodes(ids: [$id]) { ... on Post { ...Shown } }
} fragment Shown on Post { title status hidden hiddenReason hiddenAt version }";
const LISTS: &str = r#"query($author: ID!) {
    all: posts(first: 5) { nodes { id } }
    tagged: posts(tag: "weirs") { nodes { id } }
    found: posts(search: "Sluicegate") { nodes { id } }
    own: posts(authorId: $author) { nodes { id } }
    user(id: $author) { postCount posts { nodes { id } } }
}"#;
const FEED: &str = "{ feed { nodes { id } } }";
const COMMENT: &str = "query($id: ID!) { node(id: $id) { ... on Comment { text hidden hiddenReason version } } }";
const COMMENTS: &str = "query($id: ID!) { post(id: $id) {
    commentCount window: comments(first: 20) { nodes { id text } } all: comments(first: 100) { nodes { id text } }
} }";
const WATCH_POST: &str = "subscription($id: ID!) { event: postChanged(id: $id) {
    __typename ... on LiveEvent { commandId } ... on PostChanged { post { title hidden hiddenReason commentCount } }
} }";
const WATCH_COMMENTS: &str = "subscription($id: ID!) { event: commentAdded(postId: $id) {
    __typename ... on LiveEvent { commandId } ... on CommentAdded { comment { id text } }
} }";
const WATCH_FEED: &str = "subscription { event: feedChanged {
    __typename ... on LiveEvent { commandId } ... on FeedPostAdded { post { title } }
} }";
/// More than a post's window keeps.
const MANY: usize = 45;

/// An author, somebody who follows them, somebody from staff, and nobody.
pub struct Scene {
    nobody: Client,
    pub ada: Person,
    pub ben: Person,
    pub staff: Person,
    pub post: String,
}

fn ids(list: &Value) -> Vec<&str> {
    let nodes = list["nodes"].as_array().expect("nodes");
    nodes.iter().map(|node| node["id"].as_str().expect("an id")).collect()
}

fn error(payload: &Value) -> &str {
    payload["errors"][0]["__typename"].as_str().expect("an error")
}

impl Scene {
    pub async fn begin(stage: &Stage, client: &Client) -> Self {
        let (ada, ben, staff) =
            (client.sign_up("Ada").await, client.sign_up("Ben").await, client.sign_up("Staff").await);
        stage.grant(&staff, "staff").await;
        ben.client.command("followUser", json!({ "userId": ada.id }), "").await;
        let input = json!({ "title": "Sluicegate", "body": "Words.", "tags": ["weirs"] });
        let post = id_of(&ada.client.command("createPost", input, "").await);
        Self { nobody: client.clone(), ada, ben, staff, post }
    }

    async fn see(&self, client: &Client, query: &str, id: &str, after: &Value) -> Value {
        client.ask_with(query, json!({ "id": id, "author": id }), &[("millrace-consistency", &token(after))]).await
    }

    /// The post is shown to all of these, or to none of them, by each of the ways that lead to it.
    async fn is_shown(&self, shown: bool, after: &Value) {
        for client in [&self.nobody, &self.ben.client] {
            let seen = self.see(client, POST, &self.post, after).await;
            let found = [&seen["post"], &seen["node"], &seen["nodes"][0]].map(|post| !post.is_null());
            assert_eq!(found, [shown; 3], "{seen:#}");
            let lists = self.see(client, LISTS, &self.ada.id, after).await;
            for list in [&lists["all"], &lists["tagged"], &lists["found"], &lists["own"], &lists["user"]["posts"]] {
                assert_eq!(ids(list).contains(&&*self.post), shown, "{lists:#}");
            }
            assert_eq!(lists["user"]["postCount"], u8::from(shown));
        }
        let feed = self.see(&self.ben.client, FEED, &self.post, after).await;
        assert_eq!(ids(&feed["feed"]).contains(&&*self.post), shown, "{feed:#}");
    }

    async fn comments(&self, client: &Client, after: &Value) -> (u64, Vec<String>, Vec<String>) {
        let post = self.see(client, COMMENTS, &self.post, after).await["post"].clone();
        let owned = |list: &Value| ids(list).into_iter().map(str::to_owned).collect();
        (post["commentCount"].as_u64().expect("a count"), owned(&post["window"]), owned(&post["all"]))
    }

    async fn hide_comment(&self, id: &str) -> Value {
        let input = json!({ "commentId": id, "reason": REASON });
        self.staff.client.command("hideComment", input, "comment { hidden hiddenReason } post { commentCount }").await
    }
}

/// Somebody who watches something, with the snapshot behind them.
struct Watcher(Socket);

impl Watcher {
    async fn begin(client: &Client, subscription: &str, id: &str) -> Self {
        let mut socket = Socket::open(&client.url, client.access_token.as_deref()).await;
        socket.subscribe("1", subscription, json!({ "id": id })).await;
        socket.event("event", "the snapshot").await;
        Self(socket)
    }

    /// The event that a command caused; others before it are passed over.
    async fn told_of(&mut self, payload: &Value) -> Value {
        loop {
            let event = self.0.event("event", "what the command did").await;
            if event["commandId"] == payload["receipt"]["commandId"] {
                return event;
            }
        }
    }

    /// What comes next was caused by this command.
    async fn next_is_of(&mut self, payload: &Value) -> Value {
        let event = self.0.event("event", "what the command did").await;
        assert_eq!(event["commandId"], payload["receipt"]["commandId"], "{event:#}");
        event
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_post_is_there_for_its_author_and_staff_only() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let scene = Scene::begin(&stage, &client).await;
    let (ada, ben, staff, post) = (&scene.ada.client, &scene.ben.client, &scene.staff.client, &scene.post);
    let said = ben.command("addComment", json!({ "postId": post, "text": "Quite so." }), "").await;
    scene.is_shown(true, &said).await;
    let mut bens = Watcher::begin(ben, WATCH_POST, post).await;
    let mut comments = Watcher::begin(ben, WATCH_COMMENTS, post).await;
    let mut feed = Watcher::begin(ben, WATCH_FEED, post).await;
    let mut adas = Watcher::begin(ada, WATCH_POST, post).await;

    let hide = json!({ "postId": post, "reason": REASON, "idempotencyKey": "hide" });
    let hidden = staff.command("hidePost", hide.clone(), "post { status hidden hiddenReason }").await;
    assert_eq!(hidden["post"], json!({ "status": "HIDDEN", "hidden": true, "hiddenReason": REASON }));
    scene.is_shown(false, &hidden).await;
    for client in [ada, staff] {
        let seen = scene.see(client, POST, post, &hidden).await;
        for shown in [&seen["post"], &seen["node"], &seen["nodes"][0]] {
            assert_eq!((&shown["hidden"], &shown["hiddenReason"]), (&json!(true), &json!(REASON)), "{seen:#}");
            assert_eq!(shown["hiddenAt"], hidden["receipt"]["acceptedAt"], "{seen:#}");
        }
        let lists = scene.see(client, LISTS, &scene.ada.id, &hidden).await;
        let listed = ["all", "tagged", "found", "own"].map(|list| ids(&lists[list]).contains(&&**post));
        assert_eq!(listed, [false, false, false, true], "as a draft: {lists:#}");
    }
    for gone in [bens.told_of(&hidden).await, comments.told_of(&hidden).await] {
        assert_eq!(gone["__typename"], "PostDeleted", "{gone:#}");
    }
    assert_eq!(feed.told_of(&hidden).await["__typename"], "FeedPostGone");
    let told = adas.told_of(&hidden).await;
    let expected = json!({ "title": "Sluicegate", "hidden": true, "hiddenReason": REASON, "commentCount": 1 });
    assert_eq!(told["post"], expected, "{told:#}");

    nobody_does_anything_with_it(&scene).await;
    let again = staff.command("hidePost", hide, "").await;
    assert_eq!(again["receipt"]["replayed"], true);
    let edit = json!({ "postId": post, "title": "Sluicegate, rewritten" });
    let edited = ada.command("editPost", edit, "post { title hidden }").await;
    assert_eq!(edited["post"], json!({ "title": "Sluicegate, rewritten", "hidden": true }));
    scene.is_shown(false, &edited).await;

    let shown = staff.command("unhidePost", json!({ "postId": post }), "post { status hidden hiddenReason }").await;
    assert_eq!(shown["post"], json!({ "status": "PUBLISHED", "hidden": false, "hiddenReason": null }));
    scene.is_shown(true, &shown).await;
    let told = bens.next_is_of(&shown).await;
    assert_eq!(told["post"]["title"], "Sluicegate, rewritten", "nothing of it was told meanwhile: {told:#}");
    let told = feed.next_is_of(&shown).await;
    assert_eq!(
        (&told["__typename"], &told["post"]["title"]),
        (&json!("FeedPostAdded"), &json!("Sluicegate, rewritten"))
    );
    everything_holds(&stage).await;
    process.stop().await;
}

async fn nobody_does_anything_with_it(scene: &Scene) {
    let (ada, ben, staff, post) = (&scene.ada.client, &scene.ben.client, &scene.staff.client, &scene.post);
    let (comment, about) = (json!({ "postId": post, "text": "Late." }), json!({ "postId": post }));
    let edit = json!({ "postId": post, "title": "Ben's" });
    for (name, input) in [("addComment", comment.clone()), ("likePost", about.clone()), ("editPost", edit)] {
        assert_eq!(error(&ben.try_command(name, input, "").await), "NotFound", "{name}");
    }
    assert_eq!(error(&ada.try_command("addComment", comment, "").await), "NotAllowed");
    let data = "errors { ... on InvalidTransition { from to } }";
    for (name, to) in [("publishPost", "PUBLISHED"), ("unpublishPost", "DRAFT")] {
        let refused = ada.try_command(name, about.clone(), data).await;
        assert_eq!(error(&refused), "InvalidTransition", "{name}");
        assert_eq!((&refused["errors"][0]["from"], &refused["errors"][0]["to"]), (&json!("HIDDEN"), &json!(to)));
    }
    let other = json!({ "postId": post, "reason": "Another reason." });
    let unchanged = staff.command("hidePost", other.clone(), "post { hiddenReason version }").await;
    assert_eq!(unchanged["post"], json!({ "hiddenReason": REASON, "version": 2 }), "the first reason stays");
    let stale = json!({ "postId": post, "expectedVersion": 1 });
    assert_eq!(error(&staff.try_command("unhidePost", stale, "").await), "VersionConflict");
    let nothing = json!({ "postId": post, "reason": " " });
    assert_eq!(error(&staff.try_command("hidePost", nothing, "").await), "ValidationError");
}

/// A post with so many comments of Ben's; their ids, newest first.
async fn many_comments(scene: &Scene) -> (Value, Vec<String>) {
    let (mut ids, mut last) = (Vec::new(), Value::Null);
    for number in 0..MANY {
        let input = json!({ "postId": scene.post, "text": format!("Number {number}") });
        last = scene.ben.client.command("addComment", input, "").await;
        ids.insert(0, id_of(&last));
    }
    (last, ids)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_comment_stands_in_no_list_and_comes_back_to_its_place() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let scene = Scene::begin(&stage, &client).await;
    let (ada, ben, staff) = (&scene.ada.client, &scene.ben.client, &scene.staff.client);
    let (last, all) = many_comments(&scene).await;
    assert_eq!(scene.comments(&scene.nobody, &last).await, (45, all[..20].to_vec(), all.clone()));
    let mut added = Watcher::begin(ada, WATCH_COMMENTS, &scene.post).await;
    let mut watched = Watcher::begin(ada, WATCH_POST, &scene.post).await;

    // One within the window, one beyond it.
    let hidden = [&all[3], &all[43]];
    scene.hide_comment(hidden[1]).await;
    let payload = scene.hide_comment(hidden[0]).await;
    assert_eq!(payload["comment"], json!({ "hidden": true, "hiddenReason": REASON }));
    assert_eq!(payload["post"]["commentCount"], 43);
    let listed: Vec<String> = all.iter().filter(|id| !hidden.contains(id)).cloned().collect();
    for client in [&scene.nobody, ada, ben, staff] {
        assert_eq!(scene.comments(client, &payload).await, (43, listed[..20].to_vec(), listed.clone()));
    }
    assert_eq!(watched.told_of(&payload).await["post"]["commentCount"], 43);
    for (client, is_seen) in [(&scene.nobody, false), (ada, false), (ben, true), (staff, true)] {
        let seen = scene.see(client, COMMENT, hidden[0], &payload).await["node"].clone();
        let expected = json!({ "text": "Number 41", "hidden": true, "hiddenReason": REASON, "version": 2 });
        assert_eq!(seen, if is_seen { expected } else { Value::Null });
    }
    for name in ["editComment", "deleteComment"] {
        let input = json!({ "commentId": hidden[0], "text": "Ada's" });
        let input = if name == "editComment" { input } else { json!({ "commentId": hidden[0] }) };
        assert_eq!(error(&ada.try_command(name, input, "").await), "NotFound", "{name}");
    }
    let edit = json!({ "commentId": hidden[0], "text": "Without the neighbour." });
    ben.command("editComment", edit, "").await;

    for id in hidden {
        let shown = staff.command("unhideComment", json!({ "commentId": id }), "comment { hidden }").await;
        assert_eq!(shown["comment"]["hidden"], false);
        let told = added.next_is_of(&shown).await;
        assert_eq!((&told["__typename"], &told["comment"]["id"]), (&json!("CommentAdded"), &json!(id)), "{told:#}");
    }
    let input = json!({ "commentId": all[0] });
    let deleted = ben.command("deleteComment", input, "").await;
    let (count, window, list) = scene.comments(&scene.nobody, &deleted).await;
    assert_eq!((count, window, list), (44, all[1..21].to_vec(), all[1..].to_vec()), "each in its old place");
    let texts = scene.see(&scene.nobody, COMMENTS, &scene.post, &deleted).await;
    assert_eq!(texts["post"]["window"]["nodes"][2]["text"], "Without the neighbour.");

    scene.hide_comment(hidden[0]).await;
    let deleted = ben.command("deleteComment", json!({ "commentId": hidden[0] }), "post { commentCount }").await;
    assert_eq!(deleted["post"]["commentCount"], 43);
    everything_holds(&stage).await;
    process.stop().await;
}
