//! What people write, and what staff hide of it.

use super::{Look, World};
use serde_json::{Value, json};

pub async fn post(world: &World<'_>, name: &str) {
    let (ada, input) = (&world.ada, json!({ "postId": world.post }));
    let look = Look { viewer: &world.ben.client, root: "post(id: $id) { title }", id: &world.post };
    let one = json!({ "title": "One" });
    match name {
        "createPost" => {
            let look = Look { viewer: world.client, root: "posts(authorId: $id) { nodes { title } }", id: &ada.id };
            let sent = (&ada.client, name, json!({ "title": "Two", "body": "Words." }));
            let both = [json!({ "nodes": [one] }), json!({ "nodes": [{ "title": "Two" }, one] })];
            world.shows(sent, look, both).await;
        }
        "editPost" => {
            let sent = (&ada.client, name, json!({ "postId": world.post, "title": "Other" }));
            world.shows(sent, look, [one, json!({ "title": "Other" })]).await;
        }
        "publishPost" => {
            world.done(ada, "unpublishPost", input.clone()).await;
            world.shows((&ada.client, name, input), look, [Value::Null, one]).await;
        }
        _ => world.shows((&ada.client, name, input), look, [one, Value::Null]).await,
    }
}

pub async fn hiding(world: &World<'_>, name: &str) {
    let staff = world.staff;
    let post = json!({ "postId": world.post });
    let mut hidden_post = post.clone();
    hidden_post["reason"] = json!("It names a neighbour.");
    let is_there = Look { viewer: &world.ben.client, root: "post(id: $id) { title }", id: &world.post };
    let (there, gone) = (json!({ "title": "One" }), Value::Null);
    match name {
        "hidePost" => world.shows((&staff.client, name, hidden_post), is_there, [there, gone]).await,
        "unhidePost" => {
            world.done(staff, "hidePost", hidden_post).await;
            world.shows((&staff.client, name, post), is_there, [gone, there]).await;
        }
        _ => {
            let comment = json!({ "commentId": world.comment().await });
            let mut hidden = comment.clone();
            hidden["reason"] = json!("It names a neighbour.");
            let root = "post(id: $id) { commentCount comments { nodes { text } } }";
            let look = Look { viewer: &world.ada.client, root, id: &world.post };
            let said = json!({ "commentCount": 1, "comments": { "nodes": [{ "text": "First." }] } });
            let unsaid = json!({ "commentCount": 0, "comments": { "nodes": [] } });
            if name == "hideComment" {
                return world.shows((&staff.client, name, hidden), look, [said, unsaid]).await;
            }
            world.done(staff, "hideComment", hidden).await;
            world.shows((&staff.client, name, comment), look, [unsaid, said]).await;
        }
    }
}

pub async fn talk(world: &World<'_>, name: &str) {
    let (ben, input) = (&world.ben, json!({ "postId": world.post }));
    let comments =
        Look { viewer: world.client, root: "post(id: $id) { comments { nodes { text } } }", id: &world.post };
    let likes = Look { viewer: world.client, root: "post(id: $id) { likeCount }", id: &world.post };
    let is_said = |texts: &[&str]| {
        let nodes: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
        json!({ "comments": { "nodes": nodes } })
    };
    let liked = |count: u32| json!({ "likeCount": count });
    match name {
        "addComment" => {
            let sent = (&ben.client, name, json!({ "postId": world.post, "text": "First." }));
            world.shows(sent, comments, [is_said(&[]), is_said(&["First."])]).await;
        }
        "editComment" => {
            let sent = (&ben.client, name, json!({ "commentId": world.comment().await, "text": "Second." }));
            world.shows(sent, comments, [is_said(&["First."]), is_said(&["Second."])]).await;
        }
        "deleteComment" => {
            let sent = (&ben.client, name, json!({ "commentId": world.comment().await }));
            world.shows(sent, comments, [is_said(&["First."]), is_said(&[])]).await;
        }
        "likePost" => world.shows((&ben.client, name, input), likes, [liked(0), liked(1)]).await,
        _ => {
            world.done(ben, "likePost", input.clone()).await;
            world.shows((&ben.client, name, input), likes, [liked(1), liked(0)]).await;
        }
    }
}
