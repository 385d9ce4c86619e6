//! One person liking a post.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QuerySelect, Set};
use time::OffsetDateTime;

/// A pair; it stays when it ends.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "likes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub version: i32,
    pub active: bool,
    pub changed_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The pair, locked for a change.
pub(crate) async fn locked(db: &impl ConnectionTrait, post_id: Uuid, user_id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((post_id, user_id)).lock(LockType::Update).one(db).await
}

/// Begins or ends the locked pair at its next version.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    pair: &Model,
    active: bool,
    at: OffsetDateTime,
) -> Result<(), Fault> {
    let next =
        ActiveModel { version: Set(pair.version + 1), active: Set(active), changed_at: Set(at), ..Default::default() };
    let row = Entity::update_many().set(next).filter(Column::PostId.eq(pair.post_id));
    update_one(db, row.filter(Column::UserId.eq(pair.user_id))).await
}
