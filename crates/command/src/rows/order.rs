//! Orders.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect, Set};
use time::OffsetDateTime;

/// An order, without its lines.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub customer_id: Uuid,
    pub status: Status,
    pub total_minor: i64,
    pub currency: String,
    pub delivery_address: Option<String>,
    pub pay_until: OffsetDateTime,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The order, locked for a change. Lock its products first, if they shall change too.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(db).await
}

/// Brings the locked order to another status, at its next version.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    order: &Model,
    status: Status,
    at: OffsetDateTime,
) -> Result<u32, Fault> {
    let version = order.version + 1;
    let next = ActiveModel { version: Set(version), status: Set(status), updated_at: Set(at), ..Default::default() };
    let row = Entity::update_many().set(next).filter(Column::Id.eq(order.id));
    update_one(db, row.filter(Column::Version.eq(order.version))).await?;
    Ok(super::version(version))
}

/// Ids of orders that were not paid in time, the longest overdue first, each with when it was due. Not locked: look again.
pub(crate) async fn due(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    rows_max: u64,
) -> Result<Vec<(Uuid, OffsetDateTime)>, DbErr> {
    let due = Entity::find().select_only().columns([Column::Id, Column::PayUntil]);
    let due = due.filter(Column::Status.eq(Status::Pending)).filter(Column::PayUntil.lte(now));
    due.order_by_asc(Column::PayUntil).limit(rows_max).into_tuple().all(db).await
}
