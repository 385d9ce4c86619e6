//! What people may do beyond their own things.

use sea_orm::entity::prelude::*;
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
