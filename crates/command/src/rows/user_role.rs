//! What people may do beyond their own things.

use crate::fault::Fault;
use crate::rows::exactly_one;
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

/// Everybody who has the role, locked in one order so that it stays so.
pub(crate) async fn holders_locked(db: &impl ConnectionTrait, role: &str) -> Result<Vec<Uuid>, DbErr> {
    let holders = Entity::find().filter(Column::Role.eq(role)).order_by_asc(Column::UserId).lock(LockType::Update);
    Ok(holders.all(db).await?.into_iter().map(|row| row.user_id).collect())
}

/// Takes a role away that is locked.
pub(crate) async fn remove(db: &impl ConnectionTrait, user_id: Uuid, role: &str) -> Result<(), Fault> {
    let removed = Entity::delete_by_id((user_id, role.to_owned())).exec(db).await?;
    exactly_one("taking a role away", removed.rows_affected)
}
