//! The read side's part of the schema, built with no mutation.

mod answers;
mod live;
mod orders;
mod remembered;
mod shared;
mod stage;
mod waiting;

use super::{LiveEvent, Query, Subscription};
use async_graphql::{EmptyMutation, Schema};
use serde_json::Value;

fn schema() -> Schema<Query, EmptyMutation, Subscription> {
    let schema = Schema::build(Query::default(), EmptyMutation, Subscription::default());
    schema.register_output_type::<LiveEvent>().finish()
}

/// A type of the schema, as it stands there.
fn block(sdl: &str, head: &str) -> String {
    let start = sdl.find(&format!("\n{head} ")).unwrap_or_else(|| panic!("no {head}"));
    let end = start + sdl[start..].find("\n}").unwrap();
    sdl[start..end].lines().map(str::trim).filter(|line| !line.starts_with('"')).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_names_are_those_of_the_conventions() {
    let sdl = schema().sdl();
    if std::env::var_os("PRINT_SDL").is_some() {
        println!("{sdl}");
    }
    let has = |head: &str, lines: &[&str]| {
        let block = block(&sdl, head);
        for line in lines {
            assert!(block.lines().any(|there| there == *line), "{line} is not in\n{block}");
        }
    };
    let node = ["id: ID!", "version: Int", "revision: BigInt", "createdAt: Timestamp", "updatedAt: Timestamp"];
    has("interface Node", &node);
    has("type User implements Node", &node);
    let stored = ["id: ID!", "version: Int!", "revision: BigInt!", "createdAt: Timestamp!", "updatedAt: Timestamp!"];
    has("type Post implements Node", &stored);
    has("type Comment implements Node", &stored);
    has("type Post implements Node", &["title: String!", "body: String!", "tags: [String!]!", "status: PostStatus!"]);
    has(
        "type Post implements Node",
        &["author: User!", "commentCount: Int!", "likeCount: Int!", "viewerHasLiked: Boolean!"],
    );
    has("type Comment implements Node", &["text: String!", "author: User!", "post: Post!"]);
    has(
        "type User implements Node",
        &["firstName: String!", "lastName: String!", "fullName: String!", "profileUrl: String!"],
    );
    has("type User implements Node", &["avatarUrl: String", "email: String", "bio: String", "postCount: Int"]);
    has("type User implements Node", &["followerCount: Int", "followingCount: Int", "viewerFollows: Boolean"]);
    has(
        "type PageInfo",
        &["hasNextPage: Boolean!", "hasPreviousPage: Boolean!", "startCursor: String", "endCursor: String"],
    );
    has("type PostConnection", &["edges: [PostEdge!]!", "nodes: [Post!]!", "pageInfo: PageInfo!"]);
    has("type CommentConnection", &["totalCount: Int!"]);
    has("type Query", &["viewer: Viewer", "node(", "nodes(", "user(", "users(", "post(", "posts(", "feed("]);
    has("type Query", &["commandStatus("]);
    has("type Subscription", &["postChanged(", "commentAdded(", "feedChanged(", "commandProgress("]);
    has("interface LiveEvent", &["cursor: String!", "position: BigInt!", "at: Timestamp!", "commandId: ID"]);
    has("type PostChanged implements LiveEvent", &["post: Post"]);
    has("type PostDeleted implements LiveEvent", &["postId: ID!"]);
    assert!(sdl.contains("union PostEvent = PostSnapshot | PostChanged | PostDeleted | HistoryGone"));
    assert!(!block(&sdl, "type PostConnection").contains("totalCount"), "nobody counts posts of a list");
}

const EVERYTHING: &str = "{ __schema { types {
    name description
    fields { name description args { name description } }
    inputFields { name description }
    enumValues { name description }
} } }";

#[tokio::test]
async fn every_item_has_a_description() {
    let response = schema().execute(EVERYTHING).await;
    let data = response.data.into_json().unwrap();
    let mut missing = Vec::new();
    for one in data["__schema"]["types"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        if !name.starts_with("__") && !["Boolean", "Float", "ID", "Int", "String"].contains(&name) {
            collect_missing(name, one, &mut missing);
        }
    }
    assert!(missing.is_empty(), "without description: {missing:#?}");
}

fn collect_missing(path: &str, item: &Value, missing: &mut Vec<String>) {
    if item["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
        missing.push(path.to_owned());
    }
    for list in ["fields", "args", "inputFields", "enumValues"] {
        for inner in item[list].as_array().into_iter().flatten() {
            collect_missing(&format!("{path}.{}", inner["name"].as_str().unwrap()), inner, missing);
        }
    }
}

#[tokio::test]
async fn a_request_without_its_context_is_a_defect_and_says_no_more() {
    let response = schema().execute("{ viewer { roles } }").await;
    let extensions = response.errors[0].extensions.as_ref().unwrap();
    assert_eq!(extensions.get("code"), Some(&"INTERNAL".into()));
}
