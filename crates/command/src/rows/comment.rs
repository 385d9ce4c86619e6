//! Comments on posts.

use crate::fault::Fault;
use crate::rows::{exactly_one, update_one};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect, Set};
use time::OffsetDateTime;

/// A comment.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "comments")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub post_id: Uuid,
    pub author_id: Uuid,
    pub text: String,
    /// When staff hid it.
    pub hidden_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The post that a comment is on: that never changes, so no lock is needed to know it.
pub(crate) async fn post_of(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Uuid>, DbErr> {
    Entity::find_by_id(id).select_only().column(Column::PostId).into_tuple().one(db).await
}

/// The comment, locked for a change. Lock its post first.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::Update).one(db).await
}

/// Locks all comments on a locked post, in the order of their ids: as an erasure does that meets some of them.
pub(crate) async fn lock_all(db: &impl ConnectionTrait, post_id: Uuid) -> Result<(), DbErr> {
    let all = Entity::find().select_only().column(Column::Id).filter(Column::PostId.eq(post_id));
    let _ids: Vec<Uuid> = all.order_by_asc(Column::Id).lock(LockType::Update).into_tuple().all(db).await?;
    Ok(())
}

/// Brings the locked comment to its next version, with these columns changed.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    comment: &Model,
    changed: ActiveModel,
    at: OffsetDateTime,
) -> Result<(), Fault> {
    let next = ActiveModel { version: Set(comment.version + 1), updated_at: Set(at), ..changed };
    let row = Entity::update_many().set(next).filter(Column::Id.eq(comment.id));
    update_one(db, row.filter(Column::Version.eq(comment.version))).await
}

/// Deletes the locked comment.
pub(crate) async fn delete(db: &impl ConnectionTrait, id: Uuid) -> Result<(), Fault> {
    let deleted = Entity::delete_by_id(id).exec(db).await?;
    exactly_one("deleting a comment", deleted.rows_affected)
}
