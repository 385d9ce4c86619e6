//! Comings and goings of products. Inserting one moves the product's stock, inside PostgreSQL.

use crate::fault::Fault;
use crate::rows::exactly;
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QueryOrder};
use time::OffsetDateTime;

/// One coming or going.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_movements")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_version: i32,
    pub kind: Kind,
    /// Below zero for what went out.
    pub quantity: i32,
    pub order_id: Option<Uuid>,
    pub at: OffsetDateTime,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(crate) enum Kind {
    Received,
    Reserved,
    Released,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Moves the stock of locked products, which are at these versions by now.
pub(crate) async fn insert_all(db: &impl ConnectionTrait, movements: Vec<Model>) -> Result<(), Fault> {
    let count = movements.len();
    let rows = movements.into_iter().map(|movement| movement.into_active_model().reset_all());
    exactly("moving stock", Entity::insert_many(rows).exec_without_returning(db).await?, count)
}

/// What an order has set aside, by product.
pub(crate) async fn reserved_for(db: &impl ConnectionTrait, order_id: Uuid) -> Result<Vec<Model>, DbErr> {
    let reserved = Entity::find().filter(Column::OrderId.eq(order_id)).filter(Column::Kind.eq(Kind::Reserved));
    reserved.order_by_asc(Column::ProductId).all(db).await
}
