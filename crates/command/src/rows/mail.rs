//! Mails that are not sent yet.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{QueryOrder, QuerySelect, Set};
use time::OffsetDateTime;

/// One mail. Its text is written when it is sent.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: Kind,
    pub user_id: Option<Uuid>,
    pub address: String,
    pub address_canonical: String,
    pub written_at: OffsetDateTime,
    pub attempts: i32,
    pub unanswered: i32,
    pub due_at: OffsetDateTime,
    pub dead_at: Option<OffsetDateTime>,
}

/// An address is nobody's business in a log.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Shows that mail to an address arrives.
    VerifyEmail,
    /// Lets somebody who forgot their password set another one.
    ResetPassword,
    /// Tells a person that their password was changed.
    PasswordChanged,
    /// Tells a person at their address that another one is asked for.
    EmailChangeRequested,
    /// Tells a person that they can sign in by a provider.
    ProviderLinked,
    /// Tells a person at their old address that the account has another one now.
    EmailChanged,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Locks mails that are due and that nobody else has in hand, the longest waiting first.
pub(crate) async fn due(db: &impl ConnectionTrait, now: OffsetDateTime, rows_max: u64) -> Result<Vec<Model>, DbErr> {
    let due = Entity::find().filter(Column::DeadAt.is_null()).filter(Column::DueAt.lte(now));
    let due = due.order_by_asc(Column::DueAt).limit(rows_max);
    due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).all(db).await
}

/// Counts an attempt at a locked mail, and puts the next one off.
pub(crate) async fn begin(db: &impl ConnectionTrait, mail: &Model, next: OffsetDateTime) -> Result<(), Fault> {
    let (attempts, unanswered) = (Set(mail.attempts + 1), Set(mail.unanswered + 1));
    let begun = ActiveModel { attempts, unanswered, due_at: Set(next), ..Default::default() };
    update_one(db, Entity::update_many().set(begun).filter(Column::Id.eq(mail.id))).await
}

/// The mail is sent, or need not be any more.
pub(crate) async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// It is tried again then. Changes nothing if another process, which took this one for dead, is done with it.
pub(crate) async fn put_off(db: &impl ConnectionTrait, id: Uuid, next: OffsetDateTime) -> Result<(), DbErr> {
    let later = ActiveModel { due_at: Set(next), unanswered: Set(0), ..Default::default() };
    Entity::update_many().set(later).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// It is tried no more. One that names nobody is not kept: whoever erases its reader finds it by the address alone, which may be another
/// one by then.
pub(crate) async fn give_up(db: &impl ConnectionTrait, mail: &Model, at: OffsetDateTime) -> Result<(), DbErr> {
    if mail.user_id.is_none() {
        return remove(db, mail.id).await;
    }
    let dead = ActiveModel { dead_at: Set(Some(at)), ..Default::default() };
    Entity::update_many().set(dead).filter(Column::Id.eq(mail.id)).exec(db).await?;
    Ok(())
}

/// Forgets mails that name nobody, to an address that a locked account leaves behind.
pub(crate) async fn forget_nameless(db: &impl ConnectionTrait, address_canonical: &str) -> Result<(), DbErr> {
    let nameless = Entity::delete_many().filter(Column::UserId.is_null());
    nameless.filter(Column::AddressCanonical.eq(address_canonical)).exec(db).await?;
    Ok(())
}

/// The mails of this kind to a person that are on their way.
pub(crate) async fn waiting_for(db: &impl ConnectionTrait, user_id: Uuid, kind: Kind) -> Result<Vec<Uuid>, DbErr> {
    let of_person = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::Kind.eq(kind));
    of_person.filter(Column::DeadAt.is_null()).select_only().column(Column::Id).into_tuple().all(db).await
}

/// How many wait, and how many were given up.
pub(crate) async fn counts(db: &impl ConnectionTrait) -> Result<(u64, u64), DbErr> {
    let waiting = Entity::find().filter(Column::DeadAt.is_null()).count(db).await?;
    Ok((waiting, Entity::find().filter(Column::DeadAt.is_not_null()).count(db).await?))
}
