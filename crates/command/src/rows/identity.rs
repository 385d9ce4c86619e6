//! Accounts with OpenID providers, by which people sign in. A person's are changed under the lock of their account.

use crate::fault::Fault;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DbBackend, IntoActiveModel, QuerySelect, Statement, TryInsertResult};
use time::OffsetDateTime;

/// An account with a provider.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    pub user_id: Uuid,
    pub linked_at: OffsetDateTime,
    pub session_id: Uuid,
    pub void_until: Option<OffsetDateTime>,
}

impl Model {
    /// True if a token of the provider that was issued then is good here.
    pub fn takes(&self, issued_at: OffsetDateTime) -> bool {
        self.void_until.is_none_or(|until| issued_at > until)
    }
}

/// Who somebody is elsewhere is nobody's business in a log.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whom it signs in. Not locked: look again once their account is.
pub(crate) async fn owner(db: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<Uuid>, DbErr> {
    let found = Entity::find_by_id((issuer.to_owned(), subject.to_owned())).select_only().column(Column::UserId);
    found.into_tuple().one(db).await
}

/// The link itself. Lock the account of its owner first.
pub(crate) async fn linked(db: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((issuer.to_owned(), subject.to_owned())).one(db).await
}

/// Links it. If somebody was faster the command is tried again, and finds whose it is: PostgreSQL is not asked to refuse, as it would write
/// into its log who somebody is elsewhere.
pub(crate) async fn insert(db: &impl ConnectionTrait, identity: Model) -> Result<(), Fault> {
    let row = Entity::insert(identity.into_active_model().reset_all());
    let row = row.on_conflict(OnConflict::new().do_nothing().to_owned()).try_insert();
    match row.exec_without_returning(db).await? {
        TryInsertResult::Inserted(1) => Ok(()),
        _ => Err(Fault::Overtaken),
    }
}

/// All of a person's.
pub(crate) async fn of_user(db: &impl ConnectionTrait, user_id: Uuid) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::UserId.eq(user_id)).all(db).await
}

/// The one whose tokens are known by this id.
pub(crate) async fn by_session(db: &impl ConnectionTrait, session_id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::SessionId.eq(session_id)).one(db).await
}

/// Voids all tokens of a person's providers that were issued by then. What was void stays so, also after the clock was set back.
pub(crate) async fn void(db: &impl ConnectionTrait, user_id: Uuid, until: OffsetDateTime) -> Result<(), DbErr> {
    const VOID: &str = "UPDATE identities SET void_until = greatest(void_until, $2) WHERE user_id = $1";
    let values = [user_id.into(), until.into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, VOID, values)).await?;
    Ok(())
}

/// Takes one away.
pub(crate) async fn remove(db: &impl ConnectionTrait, identity: &Model) -> Result<(), DbErr> {
    Entity::delete_by_id((identity.issuer.clone(), identity.subject.clone())).exec(db).await?;
    Ok(())
}
