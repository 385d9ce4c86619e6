//! Products.

use crate::fault::Fault;
use crate::rows::{exactly, update_one};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{QueryOrder, QuerySelect, Set};
use time::OffsetDateTime;

/// A product. What lies in store of it is moved by [`super::stock_movement`] alone.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub name: String,
    pub description: String,
    pub image_url: Option<String>,
    pub price_minor: i64,
    pub currency: String,
    pub stock: i32,
    pub retired: bool,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The product, locked for a change. Weaker than `FOR UPDATE`: rows that merely refer to it need not wait.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(db).await
}

/// The products that there are of these, locked for a change, in the order of their ids: whoever wants an overlapping set waits, and
/// nobody waits in a circle.
pub(crate) async fn all_locked(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let wanted = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    wanted.order_by_asc(Column::Id).lock(LockType::NoKeyUpdate).all(db).await
}

/// Brings the locked product to its next version, with these columns changed.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    product: &Model,
    changed: ActiveModel,
    at: OffsetDateTime,
) -> Result<u32, Fault> {
    let version = product.version + 1;
    let next = ActiveModel { version: Set(version), updated_at: Set(at), ..changed };
    let row = Entity::update_many().set(next).filter(Column::Id.eq(product.id));
    update_one(db, row.filter(Column::Version.eq(product.version))).await?;
    Ok(super::version(version))
}

/// Brings locked products to their next versions.
pub(crate) async fn advance_all(db: &impl ConnectionTrait, ids: &[Uuid], at: OffsetDateTime) -> Result<(), Fault> {
    let next = Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at));
    let updated = next.filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    exactly("advancing products", updated.rows_affected, ids.len())
}
