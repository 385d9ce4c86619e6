//! Tags of posts, in their author's order.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, Set};

/// One tag of one post.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "post_tags")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i16,
    pub tag: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The tags of a post, which is locked.
pub(crate) async fn of_post(db: &impl ConnectionTrait, post_id: Uuid) -> Result<Vec<String>, DbErr> {
    let rows = Entity::find().filter(Column::PostId.eq(post_id)).order_by_asc(Column::Place).all(db).await?;
    Ok(rows.into_iter().map(|row| row.tag).collect())
}

/// Writes the tags of a post that has none.
pub(crate) async fn insert_all(db: &impl ConnectionTrait, post_id: Uuid, tags: &[String]) -> Result<(), DbErr> {
    let rows = (0i16..).zip(tags).map(|(place, tag)| ActiveModel {
        post_id: Set(post_id),
        place: Set(place),
        tag: Set(tag.clone()),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes the tags of a post.
pub(crate) async fn delete_all(db: &impl ConnectionTrait, post_id: Uuid) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::PostId.eq(post_id)).exec(db).await?;
    Ok(())
}
