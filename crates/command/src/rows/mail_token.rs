//! What is kept of mailed tokens.

use super::user;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{DeleteMany, IntoActiveModel, QuerySelect, Set};
use time::OffsetDateTime;

/// A token that was mailed and not used, or one that is void and counts as a mail until its time is over.
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
    pub voided_at: Option<OffsetDateTime>,
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
    /// True if it is good for this, not void and not over.
    pub fn is_good(&self, purpose: Purpose, now: OffsetDateTime) -> bool {
        self.purpose == purpose && self.voided_at.is_none() && self.expires_at > now
    }
}

/// Whose token it is: that never changes, so no lock is needed to know it. None of a token that is void.
pub(crate) async fn owner(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Uuid>, DbErr> {
    Entity::find_by_id(hash.to_vec())
        .filter(Column::VoidedAt.is_null())
        .select_only()
        .column(Column::UserId)
        .into_tuple()
        .one(db)
        .await
}

/// The token, locked. Lock its person first.
pub(crate) async fn locked(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(hash.to_vec()).lock(LockType::Update).one(db).await
}

/// Keeps the token of a mail that is about to go out, perhaps once more.
pub(crate) async fn keep(db: &impl ConnectionTrait, token: Model) -> Result<(), DbErr> {
    let anew = [Column::Hash, Column::ExpiresAt, Column::VoidedAt];
    let again = OnConflict::column(Column::MailId).update_columns(anew).to_owned();
    Entity::insert(token.into_active_model()).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// The mails to a person whose tokens of this purpose are still good, or would be if they were not void.
pub(crate) async fn counted(
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
    user: &user::Model,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    of(user).filter(Column::Purpose.eq(Purpose::ResetPassword)).exec(db).await?;
    void_of_others(db, user, now).await
}

/// Voids all tokens of a locked account that were sent to another address than its own. They stay until they are over: whoever has
/// addresses mailed and takes it back would else never have had enough.
pub(crate) async fn void_of_others(
    db: &impl ConnectionTrait,
    user: &user::Model,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let is_others = Column::EmailCanonical.ne(&*user.email_canonical);
    of(user).filter(Column::Purpose.eq(Purpose::ResetPassword)).filter(is_others.clone()).exec(db).await?;
    let voided = ActiveModel { voided_at: Set(Some(now)), ..Default::default() };
    let of_others = Entity::update_many().set(voided).filter(Column::UserId.eq(user.id)).filter(is_others);
    of_others.filter(Column::VoidedAt.is_null()).exec(db).await?;
    Ok(())
}

fn of(user: &user::Model) -> DeleteMany<Entity> {
    Entity::delete_many().filter(Column::UserId.eq(user.id))
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
