//! Orders.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, FromQueryResult, QuerySelect, Set, Statement};
use time::{Duration, OffsetDateTime};

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

/// How many of a customer's orders are not paid yet; those that are placed at this moment are not seen.
pub(crate) async fn unpaid_count(db: &impl ConnectionTrait, customer_id: Uuid) -> Result<u64, DbErr> {
    let orders = Entity::find().filter(Column::CustomerId.eq(customer_id));
    orders.filter(Column::Status.eq(Status::Pending)).count(db).await
}

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

/// A pending order that is past its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Due {
    pub id: Uuid,
    pay_until: OffsetDateTime,
    /// When the look began, by PostgreSQL's clock.
    looked_at: OffsetDateTime,
}

impl Due {
    /// For how long it was overdue when the look began.
    pub fn late(&self) -> Duration {
        self.looked_at - self.pay_until
    }
}

/// One page of the orders that were not paid in time, the longest overdue first; those that are due later than the first page are left
/// for another look, so that a look has an end. Not locked: look again.
pub(crate) async fn due(db: &impl ConnectionTrait, after: Option<&Due>, rows_max: usize) -> Result<Vec<Due>, DbErr> {
    const DUE: &str = "
        SELECT id, pay_until, coalesce($3, now()) AS looked_at FROM orders
        WHERE status = 'pending' AND pay_until <= coalesce($3, now())
            AND (pay_until, id) > (coalesce($1, '-infinity'), coalesce($2, '00000000-0000-0000-0000-000000000000'))
        ORDER BY pay_until, id LIMIT $4";
    let values = [
        after.map(|due| due.pay_until).into(),
        after.map(|due| due.id).into(),
        after.map(|due| due.looked_at).into(),
        i64::try_from(rows_max).unwrap_or(i64::MAX).into(),
    ];
    Due::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, DUE, values)).all(db).await
}
