//! Sign-ins.

use crate::fault::Fault;
use crate::rows::{identity, refresh_token, update_one, user};
use millrace_events::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QuerySelect, UpdateMany};
use time::OffsetDateTime;

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True if it can still be used at this moment.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// True if the sign-in `$1` of the person `$2` is live, as for `Model::is_live`, or if a provider's token that was
/// issued at `$3` stands for one, as for `identity::Model::takes`. For statements that read more than that.
pub(crate) const IS_LIVE: &str = "(
    EXISTS (SELECT FROM sessions
        WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > clock_timestamp())
    OR EXISTS (SELECT FROM identities
        WHERE session_id = $1 AND user_id = $2 AND (void_until IS NULL OR void_until < $3)))";

/// Whose sign-in it is: that never changes, so no lock is needed to know it.
pub(crate) async fn owner(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Uuid>, DbErr> {
    Entity::find_by_id(id).select_only().column(Column::UserId).into_tuple().one(db).await
}

/// The sign-in, locked for a change. Lock its person first.
pub(crate) async fn locked(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::Update).one(db).await
}

/// Lets the locked sign-in live on.
pub(crate) async fn prolong(db: &impl ConnectionTrait, id: Uuid, expires_at: OffsetDateTime) -> Result<(), Fault> {
    let next = ActiveModel { expires_at: Set(expires_at), ..Default::default() };
    update_one(db, Entity::update_many().set(next).filter(Column::Id.eq(id))).await
}

/// Ends the locked sign-in.
pub(crate) async fn end(db: &impl ConnectionTrait, id: Uuid, at: OffsetDateTime) -> Result<(), Fault> {
    update_one(db, ending(at).filter(Column::Id.eq(id))).await
}

/// Ends all sign-ins of a person whose account is locked. Answers until when what was issued is void.
pub(crate) async fn end_all(
    db: &impl ConnectionTrait,
    user: &user::Model,
    at: OffsetDateTime,
) -> Result<Timestamp, Fault> {
    let until = issued_until(db, user, at).await?;
    void_outside(db, user.id, until.moment()).await?;
    ending(at).filter(Column::UserId.eq(user.id)).exec(db).await?;
    Ok(until)
}

/// Ends all sign-ins but one of a person whose account is locked. Tokens of providers are void, too: the one that is kept is ours. Answers
/// until when what was issued is void.
pub(crate) async fn end_others(
    db: &impl ConnectionTrait,
    user: &user::Model,
    kept: Uuid,
    at: OffsetDateTime,
) -> Result<Timestamp, Fault> {
    let until = issued_until(db, user, at).await?;
    void_outside(db, user.id, until.moment()).await?;
    ending(at).filter(Column::UserId.eq(user.id)).filter(Column::Id.ne(kept)).exec(db).await?;
    Ok(until)
}

/// Until when what was issued to a locked account is void if that ends now. PostgreSQL's clock may have been set back since the newest
/// token, or since all sign-ins were ended the last time: what was issued by then must not be good after this.
pub(crate) async fn issued_until(
    db: &impl ConnectionTrait,
    user: &user::Model,
    now: OffsetDateTime,
) -> Result<Timestamp, DbErr> {
    let newest = refresh_token::newest(db, user.id).await?;
    let until = newest.max(user.outside_void_until).map_or(now, |until| until.max(now));
    Ok(Timestamp::new(until))
}

/// Voids what providers issued by now, for links that are there and for those that are made later.
async fn void_outside(db: &impl ConnectionTrait, user_id: Uuid, until: OffsetDateTime) -> Result<(), Fault> {
    identity::void(db, user_id, until).await?;
    user::void_outside(db, user_id, until).await
}

fn ending(at: OffsetDateTime) -> UpdateMany<Entity> {
    let ended = ActiveModel { ended_at: Set(Some(at)), ..Default::default() };
    Entity::update_many().set(ended).filter(Column::EndedAt.is_null())
}
