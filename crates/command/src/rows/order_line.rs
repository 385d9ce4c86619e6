//! Lines of orders. They never change.

use crate::fault::Fault;
use crate::rows::exactly;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;

/// One product of one order.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_lines")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i16,
    pub product_id: Uuid,
    pub quantity: i32,
    pub price_minor: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Writes the lines of a new order.
pub(crate) async fn insert_all(db: &impl ConnectionTrait, lines: Vec<Model>) -> Result<(), Fault> {
    let count = lines.len();
    let rows = lines.into_iter().map(|line| line.into_active_model().reset_all());
    exactly("writing the lines of an order", Entity::insert_many(rows).exec_without_returning(db).await?, count)
}
