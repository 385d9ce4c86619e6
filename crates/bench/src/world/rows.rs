//! The rows that the data set's commands would have left beside their events, inserted many at a time.

use super::{Written, ids};
use crate::error::BenchError;
use millrace_events::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;

/// Nobody signs in with a password here, so there is no hash that fits one.
const PEOPLE: &str = "
    INSERT INTO users (id, version, email, email_canonical, password_hash, first_name, last_name, created_at, updated_at)
    SELECT id, 1, email, email, 'none', first_name, last_name, at, at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS t(id, email, first_name, last_name, at)";
const SESSIONS: &str = "
    INSERT INTO sessions (id, user_id, created_at, expires_at)
    SELECT id, user_id, at, now() + interval '30 days'
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t(id, user_id, at)";
const POSTS: &str = "
    INSERT INTO posts (id, version, author_id, title, body, published, created_at, updated_at)
    SELECT id, 1, author_id, title, body, true, at, at
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) AS t(id, author_id, title, body, at)";
const TAGS: &str = "
    INSERT INTO post_tags (post_id, place, tag)
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[])";
const COMMENTS: &str = "
    INSERT INTO comments (id, version, post_id, author_id, text, created_at, updated_at)
    SELECT id, 1, post_id, author_id, text, at, at
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) AS t(id, post_id, author_id, text, at)";

async fn insert<const N: usize>(tx: &DatabaseTransaction, sql: &str, columns: [Value; N]) -> Result<(), BenchError> {
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, columns)).await?;
    Ok(())
}

/// Rows of `users`, and of `sessions`: everybody is signed in once.
#[derive(Default)]
pub struct People {
    ids: Vec<Uuid>,
    sessions: Vec<Uuid>,
    emails: Vec<String>,
    first_names: Vec<String>,
    last_names: Vec<String>,
    at: Vec<OffsetDateTime>,
}

impl People {
    pub fn add(&mut self, number: u32, first_name: &str, last_name: &str, email: &str, at: Timestamp) {
        self.ids.push(ids::user(number).0);
        self.sessions.push(ids::session(number).0);
        self.emails.push(email.to_owned());
        self.first_names.push(first_name.to_owned());
        self.last_names.push(last_name.to_owned());
        self.at.push(at.moment());
    }

    pub async fn insert(self, tx: &DatabaseTransaction) -> Result<(), BenchError> {
        let names = [self.emails.into(), self.first_names.into(), self.last_names.into()];
        let [emails, first_names, last_names] = names;
        let columns = [self.ids.clone().into(), emails, first_names, last_names, self.at.clone().into()];
        insert(tx, PEOPLE, columns).await?;
        insert(tx, SESSIONS, [self.sessions.into(), self.ids.into(), self.at.into()]).await
    }
}

/// Rows of `posts` and of `post_tags`.
#[derive(Default)]
pub struct Posts {
    ids: Vec<Uuid>,
    authors: Vec<Uuid>,
    titles: Vec<String>,
    bodies: Vec<String>,
    at: Vec<OffsetDateTime>,
    tags_of: Vec<Uuid>,
    tag_places: Vec<i32>,
    tags: Vec<String>,
}

impl Posts {
    pub fn add(&mut self, post: Written, title: &str, body: &str, tags: &[String]) {
        let id = ids::post(post.number).0;
        self.ids.push(id);
        self.authors.push(ids::user(post.author).0);
        self.titles.push(title.to_owned());
        self.bodies.push(body.to_owned());
        self.at.push(post.at.moment());
        for (place, tag) in (0..).zip(tags) {
            self.tags_of.push(id);
            self.tag_places.push(place);
            self.tags.push(tag.clone());
        }
    }

    pub async fn insert(self, tx: &DatabaseTransaction) -> Result<(), BenchError> {
        let columns = [self.ids.into(), self.authors.into(), self.titles.into(), self.bodies.into(), self.at.into()];
        insert(tx, POSTS, columns).await?;
        insert(tx, TAGS, [self.tags_of.into(), self.tag_places.into(), self.tags.into()]).await
    }
}

/// Rows of `comments`.
#[derive(Default)]
pub struct Comments {
    ids: Vec<Uuid>,
    posts: Vec<Uuid>,
    authors: Vec<Uuid>,
    texts: Vec<String>,
    at: Vec<OffsetDateTime>,
}

impl Comments {
    pub fn add(&mut self, comment: Written, text: &str) {
        self.ids.push(ids::comment(comment.number).0);
        self.posts.push(ids::post(comment.post).0);
        self.authors.push(ids::user(comment.author).0);
        self.texts.push(text.to_owned());
        self.at.push(comment.at.moment());
    }

    pub async fn insert(self, tx: &DatabaseTransaction) -> Result<(), BenchError> {
        let columns = [self.ids.into(), self.posts.into(), self.authors.into(), self.texts.into(), self.at.into()];
        insert(tx, COMMENTS, columns).await
    }
}
