//! What became of a command.

use super::context::RequestContext;
use super::error::Refusal;
use super::pipeline::ms;
use super::read_side::{ReadSide, Terms};
use super::standing::{CommandState, Standing};
use crate::models::commands::{Command, Commands, CommandsDocument, key};
use crate::models::{Registered, Visitor, visit};
use crate::reader::Need;
use crate::trail::Passage;
use async_graphql::{Context, ID, Object, Result, SimpleObject, Subscription};
use futures_util::future::{BoxFuture, select_all};
use futures_util::{FutureExt, Stream, stream};
use millrace_events::{
    AggregateKind, BigInt, CommandId, CommentId, OrderId, Position, PostId, ProductId, Timestamp, UserId, WalletId,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How long `commandProgress` follows a command; then it ends, whatever the command's state.
pub const PROGRESS_TIME_MAX: Duration = Duration::from_secs(60);
/// Between two looks at the same command, after news; longer and longer while there are none.
const LOOK_PAUSE: Duration = Duration::from_millis(30);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(500);
/// Without any news it is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Queries about commands.
#[derive(Debug, Default)]
pub struct CommandQuery;

#[Object]
impl CommandQuery {
    /// What became of a command; null if nothing is known of it (yet), or if it is somebody else's.
    async fn command_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id in the command's receipt.")] id: ID,
    ) -> Result<Option<CommandStatus>> {
        let id = CommandId::from_global(&id).map_err(Refusal::Id)?;
        Ok(CommandStatus::find(RequestContext::of(ctx)?, id).await?)
    }
}

/// Subscriptions to commands.
#[derive(Debug, Default)]
pub struct CommandSubscription;

#[Subscription]
impl CommandSubscription {
    /// A command's way until every read shows it. Ends then, or after a minute. Nothing comes before something is known of it.
    async fn command_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id in the command's receipt.")] id: ID,
    ) -> Result<impl Stream<Item = Result<CommandStatus>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let id = CommandId::from_global(&id).map_err(Refusal::Id)?;
        let progress =
            Progress { request, id, told: None, pause: LOOK_PAUSE, until: Instant::now() + PROGRESS_TIME_MAX };
        Ok(stream::unfold(Some(progress), |progress| async move {
            let mut progress = progress?;
            match progress.next().await {
                Ok(status) => {
                    let status = status?;
                    let is_over = status.state == CommandState::Visible;
                    progress.told = Some(status.clone());
                    Some((Ok(status), (!is_over).then_some(progress)))
                }
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        }))
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct CommandStatus {
    /// The command's id.
    id: ID,
    /// What has become of it everywhere: the least of all projections.
    state: CommandState,
    /// Position of its first event; null while only its token is known.
    first_position: Option<BigInt>,
    /// Position of its last event; null while only its token is known.
    last_position: Option<BigInt>,
    /// When it was decided; null while only its token is known.
    decided_at: Option<Timestamp>,
    /// From the decision until its last event was in the stream, in milliseconds; null if this process did not hear of it, or forgot.
    streamed_ms: Option<f64>,
    /// What it was decided on, if that has an id of its own.
    aggregate_id: Option<ID>,
    /// What has become of it in each projection; empty while only its token is known.
    projections: Vec<ProjectionStatus>,
}

/// What became of a command in one projection.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct ProjectionStatus {
    /// The projection's name.
    name: String,
    /// What has become of the command there.
    state: CommandState,
    /// How far the projection has folded the log.
    position: BigInt,
    /// From the decision until the projector had its last event, in milliseconds; null if this process did not hear of it, if it forgot,
    /// or if that event changed nothing here.
    received_ms: Option<f64>,
    /// From the decision until documents and cache showed it, in milliseconds; null as the other.
    visible_ms: Option<f64>,
}

impl CommandStatus {
    /// What is known of a command, without waiting for anything.
    async fn find(request: &RequestContext, id: CommandId) -> Result<Option<Self>, Refusal> {
        let standings = request.side().standings().await?;
        let key = key(id);
        let terms = Terms { need: Need::default(), deadline: Instant::now(), viewer: None };
        let (mut documents, _) = request.side().documents::<Commands>(std::slice::from_ref(&key), &terms).await?;
        match documents.remove(&key).map(|found| found.document) {
            Some(CommandsDocument::Command(command)) if may_see(request, &command) => {
                Ok(Some(Self::of(id, &command, &standings, &passed(request.side(), command.last))))
            }
            // Somebody else's command is told like one that nothing is known of, whatever the token promises.
            _ => Ok(promised(request, &standings).map(|state| Self::unfolded(id, state))),
        }
    }

    fn of(id: CommandId, command: &Command, standings: &[Standing], passed: &[(&str, Arc<Passage>)]) -> Self {
        let passage =
            |name: &str| passed.iter().find(|(projection, _)| *projection == name).map(|(_, passage)| passage);
        let status = |standing: &Standing| ProjectionStatus {
            name: standing.projection.to_owned(),
            state: standing.of_command(command.first, command.last, command.aggregate.id),
            position: standing.checkpoint.revision.position.0.into(),
            received_ms: passage(standing.projection)
                .map(|passage| ms(passage.to_stream_us() + passage.to_projector_us())),
            visible_ms: passage(standing.projection).map(|passage| ms(passage.shown_us - passage.decided_us)),
        };
        let projections: Vec<_> = standings.iter().map(status).collect();
        let state = projections.iter().map(|projection| projection.state).min().unwrap_or(CommandState::Visible);
        Self {
            state,
            first_position: Some(command.first.0.into()),
            last_position: Some(command.last.0.into()),
            decided_at: Some(command.at),
            streamed_ms: passed.first().map(|(_, passage)| ms(passage.to_stream_us())),
            aggregate_id: aggregate_id(command),
            projections,
            ..Self::unfolded(id, state)
        }
    }

    fn unfolded(id: CommandId, state: CommandState) -> Self {
        Self {
            id: ID(id.to_global()),
            state,
            first_position: None,
            last_position: None,
            decided_at: None,
            streamed_ms: None,
            aggregate_id: None,
            projections: vec![],
        }
    }
}

/// Who sends a command may see what became of it, and staff; what nobody signed for is everybody's who knows its id.
fn may_see(request: &RequestContext, command: &Command) -> bool {
    let viewer = request.viewer();
    command.actor.is_none_or(|actor| viewer.is(actor) || viewer.is_staff())
}

/// What the request's token promises beyond what is folded: its command lies somewhere there.
fn promised(request: &RequestContext, standings: &[Standing]) -> Option<CommandState> {
    let token = request.token()?;
    let folded = &standings.iter().find(|standing| standing.projection == COMMANDS)?.checkpoint;
    let is_ahead = folded.history.is_none_or(|history| history == token.history);
    if !is_ahead || token.position <= folded.revision.position {
        return None;
    }
    let streamed = request.side().beat::<Commands>().is_some_and(|beat| beat.last >= token.position);
    Some(if streamed { CommandState::Streamed } else { CommandState::Committed })
}

const COMMANDS: &str = <Commands as crate::projection::Projection>::NAME;

fn aggregate_id(command: &Command) -> Option<ID> {
    let id = command.aggregate.id;
    match command.aggregate.kind {
        AggregateKind::User => Some(ID(UserId(id).to_global())),
        AggregateKind::Post => Some(ID(PostId(id).to_global())),
        AggregateKind::Comment => Some(ID(CommentId(id).to_global())),
        AggregateKind::Product => Some(ID(ProductId(id).to_global())),
        AggregateKind::Order => Some(ID(OrderId(id).to_global())),
        AggregateKind::Wallet => Some(ID(WalletId(id).to_global())),
        AggregateKind::Follow | AggregateKind::Like => None,
    }
}

/// What this process heard of an event's way, for each projection whose documents it changed.
fn passed(side: &ReadSide, position: Position) -> Vec<(&'static str, Arc<Passage>)> {
    let mut passing = Passing { side, position, passages: vec![] };
    visit(&mut passing);
    passing.passages
}

struct Passing<'a> {
    side: &'a ReadSide,
    position: Position,
    passages: Vec<(&'static str, Arc<Passage>)>,
}

impl Visitor for Passing<'_> {
    fn visit<P: Registered>(&mut self) {
        let passage = self.side.passages::<P>().at(self.position);
        self.passages.extend(passage.map(|passage| (P::NAME, passage)));
    }
}

/// A command that is followed.
struct Progress {
    request: Arc<RequestContext>,
    id: CommandId,
    /// What was told last.
    told: Option<CommandStatus>,
    /// Until the next look.
    pause: Duration,
    until: Instant,
}

impl Progress {
    /// The next state that differs from what was told; none when the time is over.
    async fn next(&mut self) -> Result<Option<CommandStatus>, Refusal> {
        while Instant::now() < self.until {
            let status = CommandStatus::find(&self.request, self.id).await?;
            if status.as_ref().is_some_and(|status| self.is_news(status)) {
                self.pause = LOOK_PAUSE;
                return Ok(status);
            }
            self.wait().await;
            self.pause = LOOK_PAUSE_MAX.min(self.pause * 3 / 2);
        }
        Ok(None)
    }

    /// Positions move on without end; only states are news.
    fn is_news(&self, status: &CommandStatus) -> bool {
        let states = |status: &CommandStatus| {
            let each = status.projections.iter().map(|projection| projection.state);
            (status.state, each.collect::<Vec<_>>())
        };
        self.told.as_ref().is_none_or(|told| states(told) != states(status))
    }

    /// Until a projection moves on. The cache's head follows a moment later, which nobody tells.
    async fn wait(&self) {
        sleep(self.pause).await;
        let again = self.until.min(Instant::now() + LOOK_AGAIN);
        let mut movers = Movers { side: self.request.side(), futures: vec![sleep_until(again).boxed()] };
        visit(&mut movers);
        select_all(movers.futures).await;
    }
}

/// One future for each projection, which ends when that moves on.
struct Movers<'a> {
    side: &'a ReadSide,
    futures: Vec<BoxFuture<'a, ()>>,
}

impl Visitor for Movers<'_> {
    fn visit<P: Registered>(&mut self) {
        self.futures.push(moved::<P>(self.side).boxed());
    }
}

async fn moved<P: Registered>(side: &ReadSide) {
    let mut progress = side.feed::<P>().progress();
    if progress.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
