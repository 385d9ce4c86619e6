//! Posts.

use crate::fault::Fault;
use crate::rows::{comment, exactly_one, like, post_tag, update_one};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QuerySelect, Set};
use time::OffsetDateTime;

/// A post, without its tags.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "posts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub author_id: Uuid,
    pub title: String,
    pub body: String,
    pub published: bool,
    /// When staff hid it.
    pub hidden_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The post, locked for a change.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::Update).one(db).await
}

/// Who wrote the post and whether everybody may see it, locked so that it stays so.
pub(crate) async fn relied_on(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<(Uuid, bool)>, DbErr> {
    let columns = [Column::AuthorId, Column::Published, Column::HiddenAt];
    let post = Entity::find_by_id(id).select_only().columns(columns).lock(LockType::Share);
    let post: Option<(Uuid, bool, Option<OffsetDateTime>)> = post.into_tuple().one(db).await?;
    Ok(post.map(|(author_id, published, hidden_at)| (author_id, published && hidden_at.is_none())))
}

/// Brings the locked post to its next version, with these columns changed.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    id: Uuid,
    version: i32,
    changed: ActiveModel,
    at: OffsetDateTime,
) -> Result<(), Fault> {
    let next = ActiveModel { version: Set(version + 1), updated_at: Set(at), ..changed };
    update_one(db, Entity::update_many().set(next).filter(Column::Id.eq(id)).filter(Column::Version.eq(version))).await
}

/// Deletes the locked post with all that hangs on it.
pub(crate) async fn delete(db: &impl ConnectionTrait, id: Uuid) -> Result<(), Fault> {
    comment::lock_all(db, id).await?;
    comment::Entity::delete_many().filter(comment::Column::PostId.eq(id)).exec(db).await?;
    like::Entity::delete_many().filter(like::Column::PostId.eq(id)).exec(db).await?;
    post_tag::delete_all(db, id).await?;
    let deleted = Entity::delete_by_id(id).exec(db).await?;
    exactly_one("deleting a post", deleted.rows_affected)
}
