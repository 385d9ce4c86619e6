//! Refresh tokens that may still be used.

use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, Set, Statement};
use time::OffsetDateTime;

/// What is kept of a refresh token.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    pub session_id: Uuid,
    pub issued_at: OffsetDateTime,
    pub replaced_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The tokens of a sign-in, which is locked.
pub(crate) async fn of_session(db: &impl ConnectionTrait, session_id: Uuid) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::SessionId.eq(session_id)).all(db).await
}

/// When the newest token of a person's live sign-ins was issued. Their account is locked.
pub(crate) async fn newest(db: &impl ConnectionTrait, user_id: Uuid) -> Result<Option<OffsetDateTime>, DbErr> {
    const NEWEST: &str = "
        SELECT max(t.issued_at) AS at FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
        WHERE s.user_id = $1 AND s.ended_at IS NULL";
    let found = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, NEWEST, [user_id.into()])).await?;
    found.map_or(Ok(None), |row| row.try_get("", "at"))
}

/// Marks all unused tokens of a sign-in as replaced.
pub(crate) async fn replace_all(db: &impl ConnectionTrait, session_id: Uuid, at: OffsetDateTime) -> Result<(), DbErr> {
    let replaced = ActiveModel { replaced_at: Set(Some(at)), ..Default::default() };
    let unused = Entity::update_many().filter(Column::SessionId.eq(session_id)).filter(Column::ReplacedAt.is_null());
    unused.set(replaced).exec(db).await?;
    Ok(())
}

/// Forgets the tokens of a sign-in that were replaced before this moment: using one of them is then told by its absence.
pub(crate) async fn forget(db: &impl ConnectionTrait, session_id: Uuid, before: OffsetDateTime) -> Result<(), DbErr> {
    let old = Entity::delete_many().filter(Column::SessionId.eq(session_id)).filter(Column::ReplacedAt.lt(before));
    old.exec(db).await?;
    Ok(())
}
