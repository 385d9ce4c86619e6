//! Accounts.

use crate::fault::Fault;
use crate::rows::update_one;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{DbBackend, QuerySelect, Select, Set, Statement};
use time::OffsetDateTime;

/// A person's account.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    pub email: String,
    pub email_canonical: String,
    /// None while the person signs in by an OpenID provider alone.
    pub password_hash: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub avatar_url: Option<String>,
    pub bio: Option<String>,
    pub email_verified_at: Option<OffsetDateTime>,
    pub pending_email: Option<String>,
    pub password_set_at: Option<OffsetDateTime>,
    pub deactivated_at: Option<OffsetDateTime>,
    /// All sign-ins were ended then last: what a provider issued by then makes no link any more.
    pub outside_void_until: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    /// Then the row is there only for what refers to it.
    pub erased_at: Option<OffsetDateTime>,
}

/// Names, address and hash are nobody's business in a log.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("version", &self.version).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True if this is the hash of the password that the account has.
    pub fn has_password(&self, hash: &str) -> bool {
        self.password_hash.as_deref() == Some(hash)
    }

    /// True if a mail that was asked for then may set the password: it was not set since.
    pub fn is_reset_by(&self, written_at: OffsetDateTime) -> bool {
        self.password_set_at.is_none_or(|set_at| written_at > set_at)
    }
}

/// The account, unless its person is erased.
fn living(id: Uuid) -> Select<Entity> {
    Entity::find_by_id(id).filter(Column::ErasedAt.is_null())
}

/// The account, locked for its end, or for another address, which PostgreSQL takes for one: nothing that refers to the person comes to
/// be meanwhile, and nothing that they do. Not to be called by a command whose sender must be signed in, for it holds a weaker lock: two
/// of them would wait for each other.
pub(crate) async fn locked_alone(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    living(id).lock(LockType::Update).one(db).await
}

/// The account, locked for a change. Weaker than `FOR UPDATE`: rows that merely refer to the person need not wait, nor do other commands
/// of theirs.
pub(crate) async fn locked_for_change(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    living(id).lock(LockType::NoKeyUpdate).one(db).await
}

/// The account, locked so that it stays as it is.
pub(crate) async fn relied_on(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    living(id).lock(LockType::Share).one(db).await
}

/// True if there is the account; it is locked so that it stays there, whatever else changes about it.
///
/// The lock of who erases a person is stronger, so an account that is being erased is waited for.
pub(crate) async fn exists(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, DbErr> {
    let found: Option<Uuid> =
        living(id).select_only().column(Column::Id).lock(LockType::KeyShare).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// True if there is the account and it is active; locked so that it stays there.
pub(crate) async fn is_active(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, DbErr> {
    let active = living(id).filter(Column::DeactivatedAt.is_null()).select_only().column(Column::Id);
    let found: Option<Uuid> = active.lock(LockType::KeyShare).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// True if the account is there and locked so that it stays there. False also while its end is under way: nothing is waited for.
pub(crate) async fn stays(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, DbErr> {
    let row = living(id).select_only().column(Column::Id);
    let row = row.lock_with_behavior(LockType::KeyShare, LockBehavior::SkipLocked);
    let found: Option<Uuid> = row.into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// The account, as it is now.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    living(id).one(db).await
}

/// The account with this address, as it is now.
pub(crate) async fn find_by_email(db: &impl ConnectionTrait, canonical: &str) -> Result<Option<Model>, DbErr> {
    let living = Entity::find().filter(Column::ErasedAt.is_null());
    living.filter(Column::EmailCanonical.eq(canonical)).one(db).await
}

/// The id and the password's hash, if there is a password, of the account with this address. Not locked: compare again in the transaction.
pub(crate) async fn credentials(
    db: &impl ConnectionTrait,
    canonical: &str,
) -> Result<Option<(Uuid, Option<String>)>, DbErr> {
    let columns = [Column::Id, Column::PasswordHash];
    let found = Entity::find().select_only().columns(columns).filter(Column::EmailCanonical.eq(canonical));
    found.into_tuple().one(db).await
}

/// The address, in the form in which those are compared, and the password's hash of an account. Not locked: compare again.
pub(crate) async fn own_credentials(
    db: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<(String, Option<String>)>, DbErr> {
    let columns = [Column::EmailCanonical, Column::PasswordHash];
    living(id).select_only().columns(columns).into_tuple().one(db).await
}

/// The id of the account with this address.
pub(crate) async fn id_by_email(db: &impl ConnectionTrait, canonical: &str) -> Result<Option<Uuid>, DbErr> {
    Ok(credentials(db, canonical).await?.map(|(id, _)| id))
}

/// Whoever gives an account this address calls this first: of two at once the second one waits, and then finds the first one's account.
/// So no unique key is ever in anybody's way, and PostgreSQL has no error whose words, the address among them, it would write into its log.
pub(crate) async fn claim_address(db: &impl ConnectionTrait, canonical: &str) -> Result<(), DbErr> {
    const CLAIM: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, CLAIM, [canonical.into()])).await?;
    Ok(())
}

/// The columns of an account that gets another password: an address that was asked for with the old one is forgotten.
pub(crate) fn with_password(hash: String, at: OffsetDateTime) -> ActiveModel {
    let password_set_at = Set(Some(at));
    ActiveModel { password_hash: Set(Some(hash)), password_set_at, pending_email: Set(None), ..Default::default() }
}

/// What providers issued by now makes no link to the locked account any more.
pub(crate) async fn void_outside(db: &impl ConnectionTrait, id: Uuid, until: OffsetDateTime) -> Result<(), Fault> {
    let voided = ActiveModel { outside_void_until: Set(Some(until)), ..Default::default() };
    update_one(db, Entity::update_many().set(voided).filter(Column::Id.eq(id))).await
}

/// Brings the locked account to its next version, with these columns changed.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    user: &Model,
    changed: ActiveModel,
    at: OffsetDateTime,
) -> Result<u32, Fault> {
    advance_by(db, user, 1, changed, at).await
}

/// Brings the locked account so many versions on, one for each event, with these columns changed. Answers the last one.
pub(crate) async fn advance_by(
    db: &impl ConnectionTrait,
    user: &Model,
    events: i32,
    changed: ActiveModel,
    at: OffsetDateTime,
) -> Result<u32, Fault> {
    let version = user.version + events;
    let next = ActiveModel { version: Set(version), updated_at: Set(at), ..changed };
    let row = Entity::update_many().set(next).filter(Column::Id.eq(user.id)).filter(Column::Version.eq(user.version));
    update_one(db, row).await?;
    Ok(super::version(version))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An account with this address, and nothing else about it.
    pub fn model(email: &str) -> Model {
        let at = OffsetDateTime::UNIX_EPOCH;
        Model {
            id: Uuid::nil(),
            version: 1,
            email: email.to_owned(),
            email_canonical: email.to_lowercase(),
            password_hash: Some("hash".into()),
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            avatar_url: None,
            bio: None,
            email_verified_at: None,
            pending_email: None,
            password_set_at: None,
            deactivated_at: None,
            outside_void_until: None,
            created_at: at,
            updated_at: at,
            erased_at: None,
        }
    }
}
