//! Comments.

use super::connection::CommentConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::page::{Page, PageArguments, Paging, Place};
use super::post::Post;
use super::user::User;
use crate::models::content::hiding::Hiding;
use crate::models::content::window::WindowComment;
use crate::models::content::{Content, ContentDocument, comment, post};
use async_graphql::{ID, Object};
use millrace_events::{BigInt, CommentId, Timestamp, Viewer};
use std::sync::Arc;

/// A comment that the viewer may see, on a post that they may see.
#[derive(Debug, Clone)]
pub struct Comment {
    said: Arc<WindowComment>,
    hidden: Option<Hiding>,
    post: Post,
}

/// A comment on a post. One that staff hide stands in no list and is not counted; its author and staff find it by its id.
#[Object]
impl Comment {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.said.id.to_global())
    }

    /// Version of the comment, for `expectedVersion`.
    pub(super) async fn version(&self) -> u32 {
        self.said.version
    }

    /// Position in the log of the last change of it, or of its author's name or picture.
    pub(super) async fn revision(&self) -> BigInt {
        self.said.revision().0.into()
    }

    /// When it was written.
    pub(super) async fn created_at(&self) -> Timestamp {
        self.said.created_at
    }

    /// When it was rewritten last, or staff hid it or showed it again.
    pub(super) async fn updated_at(&self) -> Timestamp {
        self.said.updated_at
    }

    /// What it says; empty once its author is erased.
    async fn text(&self) -> &str {
        &self.said.text
    }

    /// Who wrote it. Id, names, picture and address of the page come with the comment; all other fields are read beside it.
    async fn author(&self) -> User {
        User::Card(Arc::clone(&self.said.author))
    }

    /// True while staff hide it: then only its author and staff can see it.
    async fn hidden(&self) -> bool {
        self.hidden.is_some()
    }

    /// Since when staff hide it; null if they do not.
    async fn hidden_at(&self) -> Option<Timestamp> {
        self.hidden.as_ref().map(|hidden| hidden.at)
    }

    /// Why staff hide it, in their words; null if they do not, or once whoever gave the reason is erased.
    async fn hidden_reason(&self) -> Option<&String> {
        self.hidden.as_ref().and_then(|hidden| hidden.reason.as_ref())
    }

    /// The post that it stands on.
    async fn post(&self) -> &Post {
        &self.post
    }
}

impl Comment {
    /// A comment of this post's list, where none is that is hidden.
    pub fn listed(said: Arc<WindowComment>, post: Post) -> Self {
        Self { said, hidden: None, post }
    }

    /// The comment, if there is one that the viewer may see, on a post that they may see.
    pub async fn find(request: &RequestContext, id: CommentId) -> Result<Option<Self>, Refusal> {
        let found = request.load::<Content>(&comment::key(id)).await?;
        let Some(ContentDocument::Comment(comment)) = found.map(|found| found.document) else { return Ok(None) };
        if !may_see(|| request.viewer(), &comment) {
            return Ok(None);
        }
        let post = Post::find(request, comment.post_id).await?;
        let said = Arc::new(WindowComment::of(&comment));
        Ok(post.map(|post| Self { said, hidden: comment.hidden.clone(), post }))
    }
}

/// A hidden comment is its author's and staff's. Who it is that looks is asked only of one.
fn may_see<'a>(viewer: impl FnOnce() -> &'a Viewer, comment: &comment::Comment) -> bool {
    if comment.hidden.is_none() {
        return true;
    }
    let viewer = viewer();
    viewer.is(comment.author_id) || viewer.is_staff()
}

/// A page of a post's comments: out of its window if that has them, else from the comments themselves.
pub async fn comments_of(
    post: &Post,
    request: &RequestContext,
    arguments: &PageArguments,
) -> Result<CommentConnection, Refusal> {
    let paging = arguments.parse(comment::KIND)?;
    let page = match in_window(post.page(), &paging) {
        Some(page) => page,
        None => in_collection(post.page(), request, &paging).await?,
    };
    let comment = |said| Some(Comment::listed(said, post.clone()));
    Ok(CommentConnection::new(page, &paging, comment).counted(post.page().comment_count))
}

/// A post's newest comments.
pub async fn newest(post: &Post, request: &RequestContext, count: usize) -> Result<Vec<Comment>, Refusal> {
    let paging = Paging::first(count);
    let page = match in_window(post.page(), &paging) {
        Some(page) => page,
        None => in_collection(post.page(), request, &paging).await?,
    };
    Ok(page.entries.into_iter().map(|(_, said)| Comment::listed(said, post.clone())).collect())
}

/// The page, if nothing outside of the window can belong to it.
fn in_window(post: &post::Post, paging: &Paging) -> Option<Page<Arc<WindowComment>>> {
    let place = |said: &WindowComment| Place::new(said.created_micros, comment::key(said.id));
    let kept = post.comments.iter().map(|said| (place(said), Arc::clone(said))).collect();
    Page::of_beginning(kept, post.window_holds_all(), paging)
}

async fn in_collection(
    post: &post::Post,
    request: &RequestContext,
    paging: &Paging,
) -> Result<Page<Arc<WindowComment>>, Refusal> {
    let any_of = vec![(comment::LISTED_ON, vec![post.id.to_string()])];
    let page = request.page::<Content>(comment::KIND, any_of, None, paging).await?;
    Ok(page.filter_map(|found| match found.document {
        ContentDocument::Comment(comment) => Some(Arc::new(WindowComment::of(&comment))),
        ContentDocument::Post(_)
        | ContentDocument::Author(_)
        | ContentDocument::Like(_)
        | ContentDocument::Following(_) => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tests::{Folded, Log, id};
    use millrace_events::{PostId, UserId};

    const ADA: UserId = UserId(id(1));
    const POST: PostId = PostId(id(9));

    /// A post with so many comments, of which its window keeps 40.
    fn post_with(count: u8) -> post::Post {
        let mut log = Log::default();
        log.sign_up(ADA, "Ada").post(POST, ADA, true);
        for n in 0..count {
            log.comment(CommentId(id(100 + n)), POST, ADA, "Said.");
        }
        match Folded::<Content>::of(&log.events).get(&post::key(POST)) {
            Some(ContentDocument::Post(post)) => (**post).clone(),
            other => panic!("{other:?}"),
        }
    }

    fn cut(post: &post::Post, arguments: PageArguments) -> Option<(usize, bool)> {
        let page = in_window(post, &arguments.parse(comment::KIND).unwrap())?;
        Some((page.entries.len(), page.more))
    }

    fn first(first: i32) -> PageArguments {
        PageArguments { first: Some(first), ..PageArguments::default() }
    }

    fn cursor_at(post: &post::Post, n: usize) -> Option<String> {
        let said = &post.comments[n];
        Some(Place::new(said.created_micros, comment::key(said.id)).to_cursor())
    }

    #[test]
    fn a_window_that_holds_all_serves_all() {
        let post = post_with(7);
        assert_eq!(cut(&post, first(5)), Some((5, true)));
        assert_eq!(cut(&post, first(20)), Some((7, false)));
        assert_eq!(cut(&post, PageArguments { last: Some(3), ..PageArguments::default() }), Some((3, true)));
        assert_eq!(cut(&post_with(0), first(5)), Some((0, false)));
    }

    #[test]
    fn a_window_serves_what_no_other_comment_can_belong_to() {
        let post = post_with(60);
        assert_eq!(cut(&post, first(20)), Some((20, true)));
        assert_eq!(cut(&post, first(40)), Some((40, true)));
        assert_eq!(cut(&post, first(41)), None);
        assert_eq!(cut(&post, PageArguments { last: Some(3), ..PageArguments::default() }), None);
        let after = |n| PageArguments { after: cursor_at(&post, n), ..first(20) };
        assert_eq!(cut(&post, after(19)), Some((20, true)));
        assert_eq!(cut(&post, after(20)), None);
        let before = |n| PageArguments { last: Some(5), before: cursor_at(&post, n), ..PageArguments::default() };
        assert_eq!(cut(&post, before(10)), Some((5, true)));
        assert_eq!(cut(&post, PageArguments { before: cursor_at(&post, 10), ..first(20) }), Some((10, false)));
    }
}
