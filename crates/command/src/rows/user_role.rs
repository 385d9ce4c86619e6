//! What people may do beyond their own things.

use crate::fault::Fault;
use crate::rows::{exactly_one, user};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};
use time::OffsetDateTime;

/// One role of one person.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_roles")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    pub granted_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// True if the person has the role; the account must be locked.
pub(crate) async fn has(db: &impl ConnectionTrait, user_id: Uuid, role: &str) -> Result<bool, DbErr> {
    Ok(Entity::find_by_id((user_id, role.to_owned())).one(db).await?.is_some())
}

/// Everybody who has the role and can use it. The roles are locked in one order, so that all who may end one see each other.
pub(crate) async fn holders_locked(db: &impl ConnectionTrait, role: &str) -> Result<Vec<Uuid>, DbErr> {
    let holders = Entity::find().filter(Column::Role.eq(role)).order_by_asc(Column::UserId).lock(LockType::Update);
    let holders: Vec<Uuid> = holders.all(db).await?.into_iter().map(|row| row.user_id).collect();
    // A statement of its own: it sees what those did who were waited for.
    let active = user::Entity::find().filter(user::Column::Id.is_in(holders)).filter(user::Column::ErasedAt.is_null());
    let active = active.filter(user::Column::DeactivatedAt.is_null()).select_only().column(user::Column::Id);
    active.into_tuple().all(db).await
}

/// Takes a role away that is locked.
pub(crate) async fn remove(db: &impl ConnectionTrait, user_id: Uuid, role: &str) -> Result<(), Fault> {
    let removed = Entity::delete_by_id((user_id, role.to_owned())).exec(db).await?;
    exactly_one("taking a role away", removed.rows_affected)
}
