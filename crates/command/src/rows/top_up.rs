//! Money that the payment provider was asked for.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Set};
use time::OffsetDateTime;

/// One top-up. Whoever locks its wallet may change it.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "top_ups")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub wallet_id: Uuid,
    pub amount_minor: i64,
    pub state: State,
    pub provider_event_id: Option<String>,
    pub requested_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(crate) enum State {
    Requested,
    Succeeded,
    Declined,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The top-up, as it is now.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// How many of a locked wallet's top-ups that were asked for after this moment wait for the provider.
pub(crate) async fn open_count(
    db: &impl ConnectionTrait,
    wallet_id: Uuid,
    asked_after: OffsetDateTime,
) -> Result<u64, DbErr> {
    let open = Entity::find().filter(Column::WalletId.eq(wallet_id)).filter(Column::State.eq(State::Requested));
    open.filter(Column::RequestedAt.gt(asked_after)).count(db).await
}

/// Those that wait for the provider, the longest waiting first.
pub(crate) async fn open(db: &impl ConnectionTrait, rows_max: u64) -> Result<Vec<Model>, DbErr> {
    let open = Entity::find().filter(Column::State.eq(State::Requested));
    open.order_by_asc(Column::RequestedAt).limit(rows_max).all(db).await
}

/// Ends a top-up whose wallet is locked. One that was declined may succeed later; one that succeeded has ended for good.
pub(crate) async fn end(
    db: &impl ConnectionTrait,
    id: Uuid,
    state: State,
    provider_event_id: &str,
    at: OffsetDateTime,
) -> Result<(), Fault> {
    let ended = ActiveModel {
        state: Set(state),
        provider_event_id: Set(Some(provider_event_id.to_owned())),
        ended_at: Set(Some(at)),
        ..Default::default()
    };
    let row = Entity::update_many().set(ended).filter(Column::Id.eq(id));
    update_one(db, row.filter(Column::State.ne(State::Succeeded))).await
}
