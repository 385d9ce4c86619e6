//! Sign-ins.

use crate::fault::Fault;
use crate::rows::{identity, update_one, user};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QuerySelect, UpdateMany};
use time::OffsetDateTime;

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True if it can still be used at this moment.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// Whose sign-in it is: that never changes, so no lock is needed to know it.
pub(crate) async fn owner(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Uuid>, DbErr> {
    Entity::find_by_id(id).select_only().column(Column::UserId).into_tuple().one(db).await
}

/// The sign-in, locked for a change. Lock its person first.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::Update).one(db).await
}

/// Lets the locked sign-in live on.
pub(crate) async fn prolong(db: &impl ConnectionTrait, id: Uuid, expires_at: OffsetDateTime) -> Result<(), Fault> {
    let next = ActiveModel { expires_at: Set(expires_at), ..Default::default() };
    update_one(db, Entity::update_many().set(next).filter(Column::Id.eq(id))).await
}

/// Ends the locked sign-in.
pub(crate) async fn end(db: &impl ConnectionTrait, id: Uuid, at: OffsetDateTime) -> Result<(), Fault> {
    update_one(db, ending(at).filter(Column::Id.eq(id))).await
}

/// Ends all sign-ins of a person whose account is locked. Answers how many there were.
pub(crate) async fn end_all(db: &impl ConnectionTrait, user_id: Uuid, at: OffsetDateTime) -> Result<u64, Fault> {
    void_outside(db, user_id, at).await?;
    Ok(ending(at).filter(Column::UserId.eq(user_id)).exec(db).await?.rows_affected)
}

/// Ends all sign-ins but one of a person whose account is locked. Tokens of providers are void, too: the one that is kept is ours.
pub(crate) async fn end_others(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    kept: Uuid,
    at: OffsetDateTime,
) -> Result<(), Fault> {
    void_outside(db, user_id, at).await?;
    ending(at).filter(Column::UserId.eq(user_id)).filter(Column::Id.ne(kept)).exec(db).await?;
    Ok(())
}

/// Voids what providers issued by now, for links that are there and for those that are made later.
async fn void_outside(db: &impl ConnectionTrait, user_id: Uuid, until: OffsetDateTime) -> Result<(), Fault> {
    identity::void(db, user_id, until).await?;
    user::void_outside(db, user_id, until).await
}

fn ending(at: OffsetDateTime) -> UpdateMany<Entity> {
    let ended = ActiveModel { ended_at: Set(Some(at)), ..Default::default() };
    Entity::update_many().set(ended).filter(Column::EndedAt.is_null())
}
