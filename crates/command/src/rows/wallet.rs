//! Wallets. What they hold is moved by [`super::ledger`] alone.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect, Set, TryInsertResult};
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};

/// One person's money in one currency.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wallets")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub user_id: Uuid,
    pub currency: String,
    pub balance_minor: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Nothing happens to it before this moment: PostgreSQL's clock may have been set back since it changed last, and statements are
    /// ordered by time.
    pub fn not_before(&self) -> OffsetDateTime {
        self.updated_at + Duration::microseconds(1)
    }
}

/// Opens a wallet, unless the person has one in that currency. True if it is new; then nobody else sees it yet.
pub(crate) async fn open(db: &impl ConnectionTrait, wallet: Model) -> Result<bool, DbErr> {
    let place = OnConflict::columns([Column::UserId, Column::Currency]).do_nothing().to_owned();
    let row = wallet.into_active_model().reset_all();
    let inserted = Entity::insert(row).on_conflict(place).try_insert().exec_without_returning(db).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// The person's wallet in a currency, locked for a change.
pub(crate) async fn locked(db: &impl ConnectionTrait, user_id: Uuid, currency: &str) -> Result<Option<Model>, DbErr> {
    let found = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::Currency.eq(currency));
    found.lock(LockType::NoKeyUpdate).one(db).await
}

/// The wallet with this id, locked for a change.
pub(crate) async fn locked_by_id(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(db).await
}

/// The wallets of two people in a currency, locked for a change in the order of their ids.
pub(crate) async fn both_locked(
    db: &impl ConnectionTrait,
    user_ids: [Uuid; 2],
    currency: &str,
) -> Result<Vec<Model>, DbErr> {
    let found = Entity::find().filter(Column::UserId.is_in(user_ids)).filter(Column::Currency.eq(currency));
    found.order_by_asc(Column::Id).lock(LockType::NoKeyUpdate).all(db).await
}

/// Brings the locked wallet to its next version, at this moment or, if the wallet was changed after it, right after that.
pub(crate) async fn advance(db: &impl ConnectionTrait, wallet: &Model, at: OffsetDateTime) -> Result<u32, Fault> {
    let version = wallet.version + 1;
    let updated_at = Set(at.max(wallet.not_before()));
    let next = ActiveModel { version: Set(version), updated_at, ..Default::default() };
    let row = Entity::update_many().set(next).filter(Column::Id.eq(wallet.id));
    update_one(db, row.filter(Column::Version.eq(wallet.version))).await?;
    Ok(super::version(version))
}

/// The currencies of these wallets, which never change.
pub(crate) async fn currencies(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, DbErr> {
    let found = Entity::find().select_only().columns([Column::Id, Column::Currency]).filter(Column::Id.is_in(ids));
    let pairs: Vec<(Uuid, String)> = found.into_tuple().all(db).await?;
    Ok(pairs.into_iter().collect())
}
