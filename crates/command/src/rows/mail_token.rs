//! What is kept of mailed tokens.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{Condition, IntoActiveModel, QuerySelect};
use time::OffsetDateTime;

/// A token that was mailed and not used.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    pub purpose: Purpose,
    pub user_id: Uuid,
    #[sea_orm(unique)]
    pub mail_id: Uuid,
    pub written_at: OffsetDateTime,
    pub email_canonical: String,
    pub expires_at: OffsetDateTime,
}

/// An address is nobody's business in a log.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailToken").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(crate) enum Purpose {
    VerifyEmail,
    ResetPassword,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True if it is good for this, and not over.
    pub fn is_good(&self, purpose: Purpose, now: OffsetDateTime) -> bool {
        self.purpose == purpose && self.expires_at > now
    }
}

/// Whose token it is: that never changes, so no lock is needed to know it.
pub(crate) async fn owner(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Uuid>, DbErr> {
    Entity::find_by_id(hash.to_vec()).select_only().column(Column::UserId).into_tuple().one(db).await
}

/// The token, locked. Lock its person first.
pub(crate) async fn locked(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(hash.to_vec()).lock(LockType::Update).one(db).await
}

/// Keeps the token of a mail that is about to go out, perhaps once more.
pub(crate) async fn keep(db: &impl ConnectionTrait, token: Model) -> Result<(), DbErr> {
    let again = OnConflict::column(Column::MailId).update_columns([Column::Hash, Column::ExpiresAt]).to_owned();
    Entity::insert(token.into_active_model()).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// The mails to a person whose tokens of this purpose are still good.
pub(crate) async fn live(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, DbErr> {
    let of_person = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::Purpose.eq(purpose));
    of_person.filter(Column::ExpiresAt.gt(now)).select_only().column(Column::MailId).into_tuple().all(db).await
}

/// Voids what must not outlive a locked account's password: whoever knew the old one may have asked for another address, and whoever reads
/// the account's mail for another password.
pub(crate) async fn void_with_password(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    email_canonical: &str,
) -> Result<(), DbErr> {
    let (resets, of_others) = (Column::Purpose.eq(Purpose::ResetPassword), Column::EmailCanonical.ne(email_canonical));
    let outlived = Condition::any().add(resets).add(of_others);
    Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(outlived).exec(db).await?;
    Ok(())
}

/// Voids all tokens of a locked account that were sent to another address than its own.
pub(crate) async fn void_of_others(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    email_canonical: &str,
) -> Result<(), DbErr> {
    let of_others = Entity::delete_many().filter(Column::UserId.eq(user_id));
    of_others.filter(Column::EmailCanonical.ne(email_canonical)).exec(db).await?;
    Ok(())
}

/// Voids all tokens of a locked account that are good for this and were sent there.
pub(crate) async fn void(
    db: &impl ConnectionTrait,
    user_id: Uuid,
    purpose: Purpose,
    email_canonical: &str,
) -> Result<(), DbErr> {
    let of_person = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Purpose.eq(purpose));
    of_person.filter(Column::EmailCanonical.eq(email_canonical)).exec(db).await?;
    Ok(())
}
