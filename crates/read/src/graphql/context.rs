//! One request: who asks, what they are owed, and what they were shown.

use super::basis::{Basis, GrowingBasis, Shown};
use super::error::Refusal;
use super::gathered::{Gathered, Seen};
use super::loader::{Loader, Loaders};
use super::page::{Page, Paging, Place};
use super::part::{Occurrence, Part};
use super::read_side::{Documents, Found, ReadSide, Terms};
use super::shared::Audience;
use crate::models::{ForEach, Maker, NAMES, Registered, Visitor, visit};
use crate::projection::DocumentKey;
use crate::reader::{ListQuery, Need, OnTimeout};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Context, Name, Value};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use millrace_events::viewer::Person;
use millrace_events::{ConsistencyToken, Viewer};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The most keys of one read; more are read in parts.
pub const BATCH_KEYS_MAX: usize = 500;
/// How long the reads for one event of a subscription may take.
pub const EVENT_TIME: Duration = Duration::from_secs(10);

/// What a request brings.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asks; with roles from [`ReadSide::access`].
    pub viewer: Viewer,
    /// The request's consistency tokens, merged.
    pub token: Option<ConsistencyToken>,
    /// What to do if they are not reached in time.
    pub on_timeout: OnTimeout,
    /// When the request ends.
    pub deadline: Instant,
}

/// One request; resolvers find it in async-graphql's data, as `Arc<RequestContext>`.
pub struct RequestContext {
    side: Arc<ReadSide>,
    viewer: Viewer,
    /// True once anything here asked who the viewer is. Until then the answer is everybody's.
    is_personal: AtomicBool,
    on_timeout: OnTimeout,
    /// None for a subscription: each of its events has the time of a request.
    deadline: Option<Instant>,
    /// What a subscription's resolver is run for.
    part: Mutex<Part>,
    /// Grows with each answer; the transport reads it when the request is done.
    gathered: Mutex<Gathered>,
    /// What the answer is made of.
    basis: Mutex<GrowingBasis>,
    loaders: ForEach<Loaders>,
}

struct LoaderMaker {
    remembers: bool,
}

impl Maker<Loaders> for LoaderMaker {
    type Error = Infallible;

    fn make<P: Registered>(&mut self) -> Result<Loader<P>, Infallible> {
        Ok(Loader::new(self.remembers))
    }
}

impl RequestContext {
    /// The context of a query or a mutation.
    pub fn new(side: Arc<ReadSide>, asked: Asked) -> Self {
        Self::remembering(true, side, asked)
    }

    /// The context in which a subscription begins: its resolver says what it listens to, and tells nothing yet.
    pub fn of_subscription(side: Arc<ReadSide>, asked: Asked) -> Self {
        Self { deadline: None, ..Self::remembering(false, side, asked) }
    }

    /// The same, where the transport itself brings the cursor to go on after: it counts more than the one in the operation.
    pub fn of_subscription_after(side: Arc<ReadSide>, asked: Asked, cursor: Option<String>) -> Self {
        Self { part: Mutex::new(Part::begin(cursor)), ..Self::of_subscription(side, asked) }
    }

    /// The context in which one item of a subscription is told.
    pub(super) fn of_item(side: Arc<ReadSide>, asked: Asked, item: Occurrence) -> Self {
        Self { part: Mutex::new(Part::tell(item)), ..Self::of_subscription(side, asked) }
    }

    fn remembering(remembers: bool, side: Arc<ReadSide>, asked: Asked) -> Self {
        let mut gathered = Gathered::default();
        if let Some(token) = asked.token {
            gathered.owe(&of_known_projections(token));
        }
        let Ok(loaders) = ForEach::make(&mut LoaderMaker { remembers });
        Self {
            side,
            viewer: asked.viewer,
            is_personal: AtomicBool::new(false),
            part: Mutex::default(),
            on_timeout: asked.on_timeout,
            deadline: Some(asked.deadline),
            gathered: Mutex::new(gathered),
            basis: Mutex::default(),
            loaders,
        }
    }

    /// The request that a resolver works for.
    pub fn of<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Self>, Refusal> {
        ctx.data_opt::<Arc<Self>>().ok_or_else(|| {
            tracing::error!("a request is executed without its context");
            Refusal::Internal
        })
    }

    /// What answers it. Whoever reads past this context puts more into the answer than the context knows.
    pub fn side(&self) -> &Arc<ReadSide> {
        self.growing().note_more();
        &self.side
    }

    /// Who asks. Whoever looks makes the answer one for this viewer alone: look only if it makes a difference.
    pub fn viewer(&self) -> &Viewer {
        self.is_personal.store(true, Ordering::Relaxed);
        &self.viewer
    }

    /// True if the answer may depend on who the viewer is. Of what was made without asking this is certain: it does not.
    pub(super) fn is_personal(&self) -> bool {
        self.is_personal.load(Ordering::Relaxed)
    }

    /// True if whoever asks now would get the same answer: it depends on nobody, and nothing in it is late.
    pub fn is_everybodys(&self) -> bool {
        !self.is_personal() && self.gathered().is_as_owed()
    }

    /// Who the viewer is like. To look does not make the answer theirs alone.
    pub(super) fn audience(&self) -> Audience {
        Audience::of(&self.viewer)
    }

    /// The signed-in person; anybody else is refused.
    pub fn person(&self) -> Result<&Person, Refusal> {
        self.viewer().person().ok_or(Refusal::Unauthenticated)
    }

    /// What a subscription's resolver is run for here.
    pub(super) fn part(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody but staff; anybody else is refused.
    pub fn staff(&self) -> Result<&Person, Refusal> {
        let person = self.person()?;
        if self.viewer.is_staff() { Ok(person) } else { Err(Refusal::Forbidden) }
    }

    /// Everything that is read from now on must show at least this. What was read before may not: of two mutations in one request the
    /// second one shows what it has made of an object that the first one showed.
    pub fn owe(&self, token: &ConsistencyToken) {
        let before = self.token();
        self.gathered().owe(token);
        if self.token() != before {
            visit(&mut Forgetting(self));
        }
    }

    /// Notes that an object of a payload could not be shown yet.
    pub fn note_pending(&self) {
        self.gathered().note_pending();
    }

    /// What the client is owed by now.
    pub fn token(&self) -> Option<ConsistencyToken> {
        self.gathered().token().cloned()
    }

    /// The fields of `extensions.millrace`, but `requestId`, which the transport knows.
    pub fn extension(&self) -> IndexMap<Name, Value> {
        self.gathered().extension()
    }

    /// A document, read together with all others of its projection that are asked for at this moment.
    pub async fn load<P: Registered>(&self, key: &DocumentKey) -> Result<Option<Found<P::Document>>, Refusal> {
        P::of(&self.loaders).load(key, |keys| self.read_all::<P>(keys)).await
    }

    /// A page of the documents of this kind whose fields have one of the values.
    pub async fn page<P: Registered>(
        &self,
        kind: &'static str,
        any_of: Vec<(&'static str, Vec<String>)>,
        text: Option<String>,
        paging: &Paging,
    ) -> Result<Page<Found<P::Document>>, Refusal> {
        let query = ListQuery {
            kind,
            any_of,
            text,
            sort: paging.sort,
            after: paging.after.as_ref().map(Place::to_sort_key),
            before: paging.before.as_ref().map(Place::to_sort_key),
            backward: paging.from_end,
            limit: paging.size,
        };
        self.growing().note_more();
        let (page, seen) = self.side.page::<P>(&query, &self.terms::<P>()).await?;
        self.gathered().take(P::NAME, &seen);
        let entry = |(key, stored): (DocumentKey, crate::store::Stored<P::Document>)| {
            let value = P::sort_value(&stored.document, paging.sort.field).unwrap_or_default();
            let place = Place::sorted(paging.sort, value, key);
            (place, Found { revision: stored.revision, document: stored.document })
        };
        Ok(Page { entries: page.entries.into_iter().map(entry).collect(), more: page.has_more })
    }

    async fn read_all<P: Registered>(&self, keys: Vec<DocumentKey>) -> Result<Documents<P::Document>, Refusal> {
        let mut documents = Documents::with_capacity(keys.len());
        for part in keys.chunks(BATCH_KEYS_MAX) {
            let read = self.side.documents::<P>(part, &self.terms::<P>()).await;
            // A field whose read failed may be null all the same.
            let (found, seen) = read.inspect_err(|_| self.growing().note_more())?;
            self.gathered().take(P::NAME, &seen);
            self.growing().take(P::NAME, &seen, part, &found);
            documents.extend(found);
        }
        Ok(documents)
    }

    /// What the answer was made of; none if there is more in it than documents that were read by their keys.
    pub(super) fn basis(&self) -> Option<Basis> {
        self.growing().whole()
    }

    /// True if everything that an answer was made of is there as it was, at a place that has reached what this request is owed: then
    /// it is this request's answer too. Nothing is waited for: execution does that, and says why if it was in vain.
    pub(super) async fn renew(&self, basis: &Basis) -> bool {
        let mut looks = Looks { context: self, basis, futures: vec![] };
        visit(&mut looks);
        let seen: Option<Vec<_>> = join_all(looks.futures).await.into_iter().collect();
        let Some(seen) = seen.filter(|seen| seen.len() == basis.0.len()) else { return false };
        for (projection, seen) in &seen {
            self.gathered().take(projection, seen);
        }
        true
    }

    /// How far what was read had come, if all of it is still as it was shown.
    async fn look_again<P: Registered>(&self, shown: &Shown) -> Option<(&'static str, Seen)> {
        let terms = Terms { deadline: Instant::now(), ..self.terms::<P>() };
        let (answer, seen) = self.side.answer::<P>(&shown.keys, &terms).await.ok()?;
        (!seen.stale && shown.is_still_in(&answer)).then_some((P::NAME, seen))
    }

    /// An answer must show what the client is owed, and what this very request has shown before.
    fn terms<P: Registered>(&self) -> Terms {
        let required = self.gathered().required(P::NAME);
        Terms {
            need: Need { required, on_timeout: self.on_timeout },
            deadline: self.deadline.unwrap_or_else(|| Instant::now() + EVENT_TIME),
            // What many subscribers may share takes nobody's own places.
            viewer: self.deadline.and_then(|_| self.viewer.user_id()),
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn growing(&self) -> MutexGuard<'_, GrowingBasis> {
        self.basis.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what was read of each projection.
struct Forgetting<'a>(&'a RequestContext);

impl Visitor for Forgetting<'_> {
    fn visit<P: Registered>(&mut self) {
        P::of(&self.0.loaders).forget();
    }
}

/// One look for each projection that is in a basis.
struct Looks<'a> {
    context: &'a RequestContext,
    basis: &'a Basis,
    futures: Vec<BoxFuture<'a, Option<(&'static str, Seen)>>>,
}

impl Visitor for Looks<'_> {
    fn visit<P: Registered>(&mut self) {
        let context = self.context;
        let of_it = self.basis.0.iter().filter(|shown| shown.projection == P::NAME);
        self.futures.extend(of_it.map(|shown| context.look_again::<P>(shown).boxed()));
    }
}

/// What a client writes into its token must not grow in the tokens that it gets back.
fn of_known_projections(mut token: ConsistencyToken) -> ConsistencyToken {
    token.projections.retain(|name, _| NAMES.contains(&name.as_str()));
    token
}
