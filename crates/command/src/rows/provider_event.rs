//! Events of the payment provider that ended top-ups: written once, kept for ever.

use sea_orm::entity::prelude::*;
use time::OffsetDateTime;

/// One event.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub top_up_id: Uuid,
    pub taken_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The top-up that this event ended.
pub(crate) async fn top_up_of(db: &impl ConnectionTrait, id: &str) -> Result<Option<Uuid>, DbErr> {
    Ok(Entity::find_by_id(id).one(db).await?.map(|event| event.top_up_id))
}
