//! Providers that people have unlinked: what was issued before is void, should they link them again. Changed under the account's lock.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QuerySelect, Set};
use time::OffsetDateTime;

/// When a person unlinked a provider last.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "unlinked_providers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    pub unlinked_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// When they unlinked it last, if they ever did.
pub(crate) async fn last(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    issuer: &str,
) -> Result<Option<OffsetDateTime>, DbErr> {
    let row = Entity::find_by_id((user_id, issuer.to_owned()));
    row.select_only().column(Column::UnlinkedAt).into_tuple().one(db).await
}

/// Remembers that they unlink it now.
pub(crate) async fn remember(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    issuer: &str,
    at: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = ActiveModel { user_id: Set(user_id), issuer: Set(issuer.to_owned()), unlinked_at: Set(at) };
    let again = OnConflict::columns([Column::UserId, Column::Issuer]).update_column(Column::UnlinkedAt).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}
