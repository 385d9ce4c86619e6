//! Queries over what was folded.

use super::stage::{Stage, person, viewer};
use crate::reader::OnTimeout;
use millrace_events::{CommentId, PostId, Role, SessionId, UserId, Viewer};
use serde_json::{Value, json};

use crate::models::tests::{Log, at, id};

const ADA: UserId = UserId(id(1));
const BEN: UserId = UserId(id(2));
const POST: PostId = PostId(id(9));
const NOBODY: Viewer = Viewer::Anonymous;

fn begin(log: &mut Log) {
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben").post(POST, ADA, true);
}

fn comment(n: u8) -> CommentId {
    CommentId(id(100 + n))
}

fn nodes(list: &Value, field: &str) -> Vec<Value> {
    list["nodes"].as_array().unwrap().iter().map(|node| node[field].clone()).collect()
}

#[tokio::test]
async fn a_post_with_all_that_is_on_it() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage.fold(|log| drop_log(log.comment(comment(1), POST, BEN, "Yes").like(POST, BEN).follow(BEN, ADA))).await;
    let query = format!(
        "{{ post(id: \"{}\") {{ id version revision title status commentCount likeCount viewerHasLiked
            author {{ fullName profileUrl email followerCount viewerFollows }}
            comments {{ totalCount nodes {{ text author {{ fullName postCount }} post {{ id }} }} }} }} }}",
        POST.to_global()
    );
    let post = stage.ask(&viewer(BEN), &query).await["post"].clone();
    assert_eq!(post["id"], POST.to_global());
    assert_eq!((&post["version"], &post["revision"], &post["title"]), (&json!(1), &json!("6"), &json!("Title")));
    assert_eq!(
        (&post["commentCount"], &post["likeCount"], &post["viewerHasLiked"]),
        (&json!(1), &json!(1), &json!(true))
    );
    let profile_url = format!("/users/{}", ADA.to_global());
    let author = json!({ "fullName": "Ada Test", "profileUrl": profile_url, "email": null, "followerCount": 1, "viewerFollows": true });
    assert_eq!(post["author"], author);
    let said = json!({ "text": "Yes", "author": { "fullName": "Ben Test", "postCount": 0 }, "post": { "id": POST.to_global() } });
    assert_eq!(post["comments"], json!({ "totalCount": 1, "nodes": [said] }));

    let (response, context) = stage.respond(&viewer(BEN), &query, Some(stage.token(0)), OnTimeout::Error).await;
    assert_eq!(response.data.into_json().unwrap()["post"], post);
    let extension = context.extension();
    assert_eq!((&extension["cache"], &extension["stale"]), (&"hit".into(), &false.into()), "{extension:?}");
    assert_eq!(extension["position"], stage.token(0).position.to_string().into());
    assert!(context.token().unwrap().projections.contains_key("people"));
}

#[tokio::test]
async fn a_draft_looks_as_if_it_did_not_exist() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage.fold(|log| drop_log(log.comment(comment(1), POST, BEN, "Yes").unpublish(POST, ADA))).await;
    let (post, said) = (POST.to_global(), comment(1).to_global());
    let query = format!(
        "{{ post(id: \"{post}\") {{ id }} node(id: \"{post}\") {{ id }} nodes(ids: [\"{said}\"]) {{ id }}
            posts {{ nodes {{ id }} }} user(id: \"{}\") {{ posts {{ nodes {{ id }} }} }} }}",
        ADA.to_global()
    );
    let hidden = json!({ "post": null, "node": null, "nodes": [null], "posts": { "nodes": [] }, "user": { "posts": { "nodes": [] } } });
    assert_eq!(stage.ask(&NOBODY, &query).await, hidden);
    assert_eq!(stage.ask(&viewer(BEN), &query).await, hidden);
    let own = json!([{ "id": post }]);
    for sees in [viewer(ADA), Viewer::Person(person(BEN, &[Role::Staff]))] {
        let shown = stage.ask(&sees, &query).await;
        assert_eq!((&shown["post"]["id"], &shown["node"]["id"]), (&json!(post), &json!(post)));
        assert_eq!((&shown["nodes"][0]["id"], &shown["user"]["posts"]["nodes"]), (&json!(said), &own));
        assert_eq!(shown["posts"]["nodes"], json!([]), "in lists for everybody it is nobody's");
    }
    stage.fold(|log| drop_log(log.delete_post(POST, ADA, false))).await;
    assert_eq!(stage.ask(&viewer(ADA), &query).await, hidden, "its comments go with it");
}

#[tokio::test]
async fn an_address_is_for_its_owner_and_staff() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let query = format!("{{ user(id: \"{}\") {{ email }} viewer {{ roles user {{ email }} }} }}", ADA.to_global());
    let ada = "Ada@millrace.example";
    assert_eq!(stage.ask(&NOBODY, &query).await, json!({ "user": { "email": null }, "viewer": null }));
    let own = json!({ "user": { "email": ada }, "viewer": { "roles": [], "user": { "email": ada } } });
    assert_eq!(stage.ask(&viewer(ADA), &query).await, own);
    assert_eq!(stage.ask(&viewer(BEN), &query).await["user"]["email"], Value::Null);
    let staff = Viewer::Person(person(BEN, &[Role::Staff]));
    let shown = stage.ask(&staff, &query).await;
    assert_eq!((&shown["user"]["email"], &shown["viewer"]["roles"]), (&json!(ada), &json!(["STAFF"])));
}

#[tokio::test]
async fn comments_page_from_the_window_into_the_rest() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage
        .fold(|log| {
            for n in 0..60 {
                log.comment(comment(n), POST, BEN, &n.to_string());
            }
        })
        .await;
    let page = |arguments: String| {
        let selection = "nodes { text } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
        format!("{{ post(id: \"{}\") {{ comments{arguments} {{ {selection} }} }} }}", POST.to_global())
    };
    let (mut texts, mut arguments) = (Vec::new(), "(first: 25)".to_owned());
    loop {
        let comments = stage.ask(&NOBODY, &page(arguments)).await["post"]["comments"].clone();
        texts.extend(nodes(&comments, "text"));
        if comments["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        arguments = format!("(first: 25, after: {})", comments["pageInfo"]["endCursor"]);
    }
    let newest_first: Vec<Value> = (0..60).rev().map(|n: u8| json!(n.to_string())).collect();
    assert_eq!(texts, newest_first);
    let oldest = stage.ask(&NOBODY, &page("(last: 3)".into())).await["post"]["comments"].clone();
    assert_eq!(nodes(&oldest, "text"), [json!("2"), json!("1"), json!("0")]);
    assert_eq!(oldest["pageInfo"]["hasPreviousPage"], json!(true));
    let before = format!("(last: 2, before: {})", oldest["pageInfo"]["startCursor"]);
    let before = stage.ask(&NOBODY, &page(before)).await["post"]["comments"].clone();
    assert_eq!(nodes(&before, "text"), [json!("4"), json!("3")]);
}

#[tokio::test]
async fn lists_filter_search_and_feed() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let posts: Vec<PostId> = (10..16).map(|n| PostId(id(n))).collect();
    stage
        .fold(|log| {
            for post in &posts {
                log.post(*post, BEN, true);
            }
            log.edit_post(posts[0], BEN, "A heron").follow(ADA, BEN);
        })
        .await;
    let ids = |posts: &[PostId]| posts.iter().map(|post| json!(post.to_global())).collect::<Vec<_>>();
    let newest_first: Vec<PostId> = posts.iter().rev().copied().collect();
    let ask = async |viewer: &Viewer, list: &str| {
        nodes(&stage.ask(viewer, &format!("{{ list: {list} {{ nodes {{ id }} }} }}")).await["list"], "id")
    };
    assert_eq!(ask(&viewer(ADA), "feed").await, ids(&newest_first));
    assert_eq!(ask(&viewer(BEN), "feed").await, ids(&[]));
    assert_eq!(ask(&NOBODY, "posts(tag: \"#Wood\")").await, ids(&posts[..1]));
    assert_eq!(ask(&NOBODY, "posts(search: \"heron\")").await, ids(&posts[..1]));
    let of_ben = format!("posts(authorId: \"{}\", first: 2)", BEN.to_global());
    assert_eq!(ask(&NOBODY, &of_ben).await, ids(&newest_first[..2]));
    assert_eq!(ask(&NOBODY, "posts(last: 1)").await, ids(&[POST]));
    assert_eq!(ask(&NOBODY, "users(search: \"ben\")").await, [json!(BEN.to_global())]);
    assert_eq!(ask(&NOBODY, "users").await, [json!(BEN.to_global()), json!(ADA.to_global())]);
    let related = format!(
        "{{ user(id: \"{}\") {{ followers {{ totalCount nodes {{ fullName }} }} following {{ nodes {{ id }} }} }} }}",
        BEN.to_global()
    );
    let followers = json!({ "totalCount": 1, "nodes": [{ "fullName": "Ada Test" }] });
    assert_eq!(
        stage.ask(&NOBODY, &related).await["user"],
        json!({ "followers": followers, "following": { "nodes": [] } })
    );
}

#[tokio::test]
async fn what_is_owed_is_waited_for_and_then_refused_or_stale() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let query = "{ posts { nodes { title } } }";
    let far = || Some(stage.token(5));
    let (late, context) = stage.respond(&NOBODY, query, far(), OnTimeout::Error).await;
    let extensions = serde_json::to_value(late.errors[0].extensions.clone()).unwrap();
    assert_eq!((&extensions["code"], &extensions["retryable"]), (&json!("CONSISTENCY_TIMEOUT"), &json!(true)));
    assert_eq!((&extensions["projection"], &extensions["requiredPosition"]), (&json!("content"), &json!("8")));
    assert_eq!(context.token().unwrap().position, stage.token(5).position, "the client is still owed it");
    let (stale, context) = stage.respond(&NOBODY, query, far(), OnTimeout::Stale).await;
    assert_eq!(stale.data.into_json().unwrap()["posts"]["nodes"], json!([{ "title": "Title" }]));
    assert_eq!(context.extension()["stale"], true.into());
}

#[tokio::test]
async fn roles_and_revocation_reach_queries() {
    let stage = Stage::new().await;
    let ended = SessionId(id(50));
    stage.fold(begin).await;
    assert_eq!(stage.side.access(person(ADA, &[])).await, Ok(person(ADA, &[])));
    stage.fold(|log| drop_log(log.grant(ADA, Role::Staff).sign_out(ADA, ended))).await;
    assert_eq!(stage.side.access(person(ADA, &[])).await, Ok(person(ADA, &[Role::Staff])));
    let mut signed_out = person(ADA, &[]);
    signed_out.session_id = ended;
    assert_eq!(stage.side.access(signed_out).await.map_err(|refusal| refusal.code()), Err("UNAUTHENTICATED"));
    stage.fold(|log| drop_log(log.sign_out_everywhere(ADA, at(1_000)))).await;
    assert!(stage.side.access(person(ADA, &[])).await.is_err());
}

#[tokio::test]
async fn bad_input_is_told_by_its_code() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let user = ADA.to_global();
    for (query, code) in [
        (format!("{{ post(id: \"{user}\") {{ id }} }}"), "BAD_USER_INPUT"),
        ("{ node(id: \"junk\") { id } }".to_owned(), "BAD_USER_INPUT"),
        ("{ posts(after: \"junk\") { nodes { id } } }".to_owned(), "BAD_USER_INPUT"),
        ("{ posts(first: 0) { nodes { id } } }".to_owned(), "BAD_USER_INPUT"),
        ("{ posts(tag: \"a b\") { nodes { id } } }".to_owned(), "BAD_USER_INPUT"),
        ("{ posts(search: \"  \") { nodes { id } } }".to_owned(), "BAD_USER_INPUT"),
        ("{ posts(first: 101) { nodes { id } } }".to_owned(), "LIMIT_EXCEEDED"),
        ("{ feed { nodes { id } } }".to_owned(), "UNAUTHENTICATED"),
    ] {
        assert_eq!(stage.refused(&NOBODY, &query).await, json!(code), "{query}");
    }
}

#[tokio::test]
async fn a_command_is_visible_once_all_have_folded_it() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let command = stage.last().command_id.to_global();
    let query = format!(
        "{{ commandStatus(id: \"{command}\") {{ id state lastPosition aggregateId projections {{ name state }} }} }}"
    );
    let status = stage.ask(&NOBODY, &query).await["commandStatus"].clone();
    assert_eq!(
        (&status["id"], &status["state"], &status["lastPosition"]),
        (&json!(command), &json!("VISIBLE"), &json!("3"))
    );
    assert_eq!(status["aggregateId"], json!(POST.to_global()));
    assert_eq!(status["projections"].as_array().unwrap().len(), crate::models::NAMES.len());
    let unknown = query.replace(&command, &millrace_events::CommandId(id(200)).to_global());
    assert_eq!(stage.ask(&NOBODY, &unknown).await["commandStatus"], Value::Null);
    let (promised, _) = stage.respond(&NOBODY, &unknown, Some(stage.token(1)), OnTimeout::Error).await;
    assert_eq!(promised.data.into_json().unwrap()["commandStatus"]["state"], "COMMITTED");
}

/// A log is written to in chains; a closure must answer nothing.
fn drop_log(_: &mut Log) {}
