//! The API of a process: the schema, who may ask, and what comes with each answer.

use crate::admission::Admission;
use crate::answered::{Answered, to_json};
use crate::checked::{Checked, Checks};
use crate::command_port::CommandPort;
use crate::documents::{Documents, Resolved};
use crate::ended_sign_in;
use crate::http::problem::Problem;
use crate::http::{client_address, headers, trace_context};
use crate::places::{OpenPlaces, OperationPlace, Place};
use crate::schema::ApiSchema;
use crate::settings::HttpSettings;
use crate::weights::{self, WeightsError};
use async_graphql::{Context, Name, Request as GraphQlRequest, Response as GraphQlResponse, Value};
use axum::http::HeaderMap;
use futures_util::stream::BoxStream;
use millrace_command::Request as CommandRequest;
use millrace_command::auth::AccessTokenVerifier;
use millrace_command::auth::openid::{Bearer, IdTokenError, IdTokens};
use millrace_document::Limits;
use millrace_events::identity::identity_digest;
use millrace_events::viewer::Person;
use millrace_events::{CommandId, Timestamp, UserId, Viewer};
use millrace_read::budget::{Budget, Spent};
use millrace_read::graphql::{Answers, Asked, Groups, Question, ReadSide, Refusal, RequestContext, ShownToken};
use millrace_read::reader::OnTimeout;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The name under which an answer's `extensions`, and a request's, hold what is ours.
pub const EXTENSION: &str = "millrace";
/// What it is called in an answer's `extensions`, and in ours of a request.
const COST_EXTENSION: &str = "cost";

/// Answers requests.
pub struct Api {
    schema: ApiSchema,
    reads: Arc<ReadSide>,
    commands: CommandPort,
    verifier: AccessTokenVerifier,
    /// Tokens of OpenID providers, if they are taken in place of ours.
    outside: Option<IdTokens>,
    limits: HttpSettings,
    documents: Documents,
    checks: Checks,
    budget: Option<Budget>,
    answers: Answers,
    groups: Arc<Groups>,
    sockets: TaskTracker,
    places: OpenPlaces,
    shutdown: CancellationToken,
}

/// What a request has to pass before it is executed.
pub struct Gate {
    /// The documents that it may be about.
    pub documents: Documents,
    /// What a document may hold.
    pub limits: Limits,
    /// What one viewer may ask for.
    pub budget: Option<Budget>,
    /// Tokens of OpenID providers, if they are taken in place of ours.
    pub outside: Option<IdTokens>,
}

/// Who asks, and what they are owed: one request.
pub struct Call {
    asked: Asked,
    circumstances: Circumstances,
    /// The cursor to go on after that came beside the operation.
    cursor: Option<String>,
    /// True if the answer tells what the operation costs.
    tells_cost: bool,
}

/// What a command is told about the request that sent it.
#[derive(Debug, Clone)]
struct Circumstances {
    request_id: String,
    trace: Option<String>,
    client_address: Option<IpAddr>,
}

/// An open socket: what its `connection_init` brought.
pub struct Connection {
    authorization: Option<String>,
    consistency: Option<String>,
    on_timeout: Option<String>,
    client_address: Option<IpAddr>,
    user_id: Option<UserId>,
    _place: Option<Place<UserId>>,
}

impl Connection {
    /// A place for one more operation on it.
    pub fn operation(&self, places: &OpenPlaces) -> Result<OperationPlace, Problem> {
        places.operation(self.user_id, self.client_address)
    }
}

/// Who is let in to stay.
pub struct Admitted {
    /// Who it is.
    pub viewer: Viewer,
    /// For how long, of a viewer who is signed in.
    pub admission: Option<Admission>,
    /// Their place; given back when it is dropped.
    pub place: Option<Place<UserId>>,
}

impl Admitted {
    /// For one request, and no longer.
    pub fn once(viewer: Viewer) -> Self {
        Self { viewer, admission: None, place: None }
    }
}

impl Api {
    /// An API over the read side and the way to the command side. There is none without a limit of what operations cost.
    pub fn new(
        reads: Arc<ReadSide>,
        commands: CommandPort,
        verifier: AccessTokenVerifier,
        limits: HttpSettings,
        gate: Gate,
        shutdown: CancellationToken,
    ) -> Result<Self, WeightsError> {
        let mut builder = crate::schema::builder().data(commands.clone()).data(Arc::clone(&reads));
        if !limits.playground {
            builder = builder.disable_introspection();
        }
        let places = OpenPlaces::new(&limits);
        let (schema, groups, sockets) = (builder.finish(), Arc::default(), TaskTracker::new());
        let answers = Answers::new(limits.answers_bytes_max);
        let Gate { documents, limits: document_limits, budget, outside } = gate;
        let checks = Checks::new(document_limits, weights::of(&schema.sdl())?);
        Ok(Self {
            schema,
            reads,
            commands,
            verifier,
            outside,
            limits,
            documents,
            checks,
            budget,
            answers,
            groups,
            sockets,
            places,
            shutdown,
        })
    }

    /// The way to the command side.
    pub fn port(&self) -> &CommandPort {
        &self.commands
    }

    /// The schema.
    pub fn schema(&self) -> &ApiSchema {
        &self.schema
    }

    /// The documents that requests may be about. Whatever transport a request comes over, it is resolved here.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Subscribers of this process who share their events.
    pub fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    /// The limits in force.
    pub fn limits(&self) -> &HttpSettings {
        &self.limits
    }

    /// Open sockets, to be waited for at shutdown.
    pub fn sockets(&self) -> &TaskTracker {
        &self.sockets
    }

    /// The wish to stop.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Places for what stays open.
    pub fn places(&self) -> &OpenPlaces {
        &self.places
    }

    /// Who sends a request over HTTP.
    pub async fn sender(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        self.viewer(headers::authorization(headers)?).await
    }

    /// A request whose document and variables are within the limits. Nothing else is parsed or executed.
    pub fn check(&self, resolved: Resolved) -> Result<Checked, Problem> {
        Ok(self.checks.check(resolved.request)?.introducing(resolved.new_hash))
    }

    /// Takes what an operation costs out of its viewer's budget, and keeps the text that it may have brought for its hash.
    pub async fn charge(&self, call: &Call, request: &Checked) -> Result<(), Problem> {
        let charged = timeout_at(call.asked.deadline, async {
            let whose = call.whose();
            self.spend(&whose, request.cost()).await?;
            if let Some(hash) = request.new_hash() {
                self.documents.introduce(hash, &request.request().query, &whose).await;
            }
            Ok(())
        });
        charged.await.unwrap_or(Err(Problem::Timeout { ms_max: self.limits.request_ms_max }))
    }

    async fn spend(&self, whose: &str, points: usize) -> Result<(), Problem> {
        let Some(budget) = &self.budget else { return Ok(()) };
        match budget.spend(whose, points).await {
            Spent::Left(_) => Ok(()),
            Spent::Wait(wait) => Err(Problem::BudgetSpent { retry_after_s: wait.as_millis().div_ceil(1_000) as u64 }),
        }
    }

    /// A request over HTTP. Without its body only what stands in the headers counts.
    pub fn call(
        &self,
        viewer: Viewer,
        headers: &HeaderMap,
        client_address: Option<IpAddr>,
        request: Option<&GraphQlRequest>,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Call, Problem> {
        let extension = |name: &str| request.and_then(|request| extension_text(request, name));
        let texts = headers.get_all(headers::CONSISTENCY).iter().filter_map(|value| value.to_str().ok());
        let token = headers::merge_tokens(texts.chain(extension("consistency")))?;
        let on_timeout = headers.get(headers::ON_TIMEOUT).and_then(|value| value.to_str().ok());
        let on_timeout = headers::on_timeout(on_timeout.or(extension("onTimeout")))?;
        let (request_id, trace) = (request_id.to_owned(), trace_context::parent(headers));
        let circumstances = Circumstances { request_id, trace, client_address };
        let tells_cost = headers::asks_cost(headers) || request.is_some_and(asks_cost);
        Ok(Call { asked: Asked { viewer, token, on_timeout, deadline }, circumstances, cursor: None, tells_cost })
    }

    /// When a request that begins now ends, whatever is done for it.
    pub fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.limits.request_ms_max)
    }

    /// A socket's `connection_init`: the token in it must be good. Whoever is signed in stays as long as their admission.
    pub async fn connect(
        &self,
        headers: &HeaderMap,
        client_address: Option<IpAddr>,
        payload: serde_json::Value,
    ) -> Result<(Connection, Option<Admission>), Problem> {
        let text = |name: &str| payload.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let given = text("Authorization").or_else(|| text("authorization"));
        let from_header = headers::authorization(headers)?.map(str::to_owned);
        let authorization = given.or(from_header).filter(|text| !text.is_empty());
        let nested =
            |name: &str| payload.pointer(&format!("/{EXTENSION}/{name}")).and_then(|v| v.as_str()).map(str::to_owned);
        let (consistency, on_timeout) = (nested("consistency"), nested("onTimeout"));
        let Admitted { viewer, admission, place } = self.admit(authorization.as_deref()).await?;
        let user_id = viewer.user_id();
        let connection = Connection { authorization, consistency, on_timeout, client_address, user_id, _place: place };
        Ok((connection, admission))
    }

    /// Lets in whoever stays: on a socket, or for a stream of events.
    pub async fn admit(&self, authorization: Option<&str>) -> Result<Admitted, Problem> {
        let verified = self.verified(authorization).await?;
        let place = self.places.of_viewer(verified.user_id())?;
        // Listened to before the look, so that no change is missed in between.
        let notices = verified.user_id().map(|user_id| self.reads.access_notices(user_id));
        let viewer = self.admitted(verified).await?;
        let admission = notices.zip(viewer.person().cloned());
        let admission = admission.map(|(notices, person)| Admission::new(Arc::clone(&self.reads), notices, person));
        Ok(Admitted { viewer, admission, place })
    }

    /// An operation on a socket. The viewer is looked at anew: a token may have ended since.
    pub async fn call_on(
        &self,
        connection: &Connection,
        request: &GraphQlRequest,
        request_id: &str,
    ) -> Result<Call, Problem> {
        let viewer = self.viewer(connection.authorization.as_deref()).await?;
        let texts = connection.consistency.as_deref().into_iter().chain(extension_text(request, "consistency"));
        let token = headers::merge_tokens(texts)?;
        let on_timeout = extension_text(request, "onTimeout").or(connection.on_timeout.as_deref());
        let on_timeout = headers::on_timeout(on_timeout)?;
        let client_address = connection.client_address;
        let circumstances = Circumstances { request_id: request_id.to_owned(), trace: None, client_address };
        let tells_cost = asks_cost(request);
        let asked = Asked { viewer, token, on_timeout, deadline: self.deadline() };
        Ok(Call { asked, circumstances, cursor: None, tells_cost })
    }

    /// Who asks, from a verified token, with the roles that the read side knows. A session that has ended is nobody's.
    async fn viewer(&self, authorization: Option<&str>) -> Result<Viewer, Problem> {
        self.admitted(self.verified(authorization).await?).await
    }

    async fn admitted(&self, verified: Viewer) -> Result<Viewer, Problem> {
        let Viewer::Person(person) = verified else { return Ok(Viewer::Anonymous) };
        match self.reads.access(person).await {
            Ok(person) => Ok(Viewer::Person(person)),
            Err(Refusal::Unauthenticated) => Err(Problem::Unauthenticated),
            Err(_) => Err(Problem::Unavailable),
        }
    }

    async fn linked(&self, tokens: &IdTokens, token: &str, now: Timestamp) -> Result<Person, Problem> {
        let Bearer { identity, issued_at, expires_at } =
            tokens.verify_bearer(token, now).await.map_err(|error| match error {
                IdTokenError::Refused(_) => Problem::Unauthenticated,
                IdTokenError::KeysUnknown { .. } => Problem::Unavailable,
            })?;
        let digest = identity_digest(&identity.issuer, &identity.subject);
        self.reads.linked(ShownToken { digest, issued_at, expires_at }).await.map_err(|refusal| match refusal {
            Refusal::Unauthenticated => Problem::Unauthenticated,
            _ => Problem::Unavailable,
        })
    }

    /// Who sends what is also taken from a sign-in that has ended.
    pub async fn ended_sender(&self, headers: &HeaderMap, request: &Checked) -> Result<Viewer, Problem> {
        if !ended_sign_in::may_send(&request.request().query) {
            return Err(Problem::Unauthenticated);
        }
        self.verified(headers::authorization(headers)?).await
    }

    /// Who asks, from a verified token, whatever became of the session. A token of an OpenID provider says whose it is.
    async fn verified(&self, authorization: Option<&str>) -> Result<Viewer, Problem> {
        let Some(authorization) = authorization else { return Ok(Viewer::Anonymous) };
        let token = headers::bearer(authorization)?;
        let now = Timestamp::new(OffsetDateTime::now_utc());
        if let Some(tokens) = self.outside.as_ref().filter(|tokens| tokens.knows(token)) {
            return self.linked(tokens, token, now).await.map(Viewer::Person);
        }
        self.verifier.verify(token, now).map(Viewer::Person).map_err(|_| Problem::Unauthenticated)
    }

    /// True if answers to questions of so many bytes are kept at all.
    pub fn keeps_answers(&self, question_bytes: usize) -> bool {
        self.answers.keeps(question_bytes)
    }

    /// Whenever a person is erased, what is kept of answers and events goes. Nobody would be given it any more; so that it does not lie
    /// in memory either.
    pub async fn forget_the_erased(self: Arc<Self>) {
        let mut withdrawn = self.reads.withdrawals().watch();
        let mut erased = withdrawn.borrow_and_update().erased;
        while withdrawn.changed().await.is_ok() {
            let now = withdrawn.borrow_and_update().erased;
            if std::mem::replace(&mut erased, now) != now {
                self.answers.forget();
                self.groups.forget();
            }
        }
    }

    /// The answer that somebody got to the same question, if execution would give it again.
    pub async fn recall(&self, question: &Question, call: Call) -> Option<Answered> {
        let (deadline, request_id) = (call.asked.deadline, call.circumstances.request_id);
        let context = RequestContext::new(Arc::clone(&self.reads), call.asked);
        let recalled = timeout_at(deadline, self.answers.recall(question, &context)).await;
        let remembered = recalled.ok().flatten()?;
        Answered::whole(&remembered.data, &extension(&context, &request_id), !remembered.is_personal).ok()
    }

    /// Runs a query or mutation to its end, or to the deadline. The answer to a question is kept, if it may be.
    pub async fn execute(&self, request: Checked, call: Call, question: Option<Question>) -> Result<Answered, Problem> {
        self.charge(&call, &request).await?;
        let cost = call.tells_cost.then(|| request.told_cost());
        let (deadline, request_id) = (call.asked.deadline, call.circumstances.request_id.clone());
        let context = Arc::new(RequestContext::new(Arc::clone(&self.reads), call.asked));
        let request = request.into_request().data(Arc::clone(&context)).data(call.circumstances);
        let response = timeout_at(deadline, self.schema.execute(request)).await;
        let response = response
            .unwrap_or_else(|_| Problem::Timeout { ms_max: self.limits.request_ms_max }.to_response(&request_id));
        let response = with_cost(response, cost);
        let Some(question) = question.filter(|_| response.errors.is_empty() && response.extensions.is_empty()) else {
            let answered = Answered::of(&finished(response, &context, &request_id, self.limits.errors_max))?;
            return answered.within(self.limits.answer_bytes_max);
        };
        let data = to_json(&response.data)?;
        self.answers.remember(question, &data, &context);
        let answered = Answered::whole(&data, &extension(&context, &request_id), context.is_everybodys())?;
        answered.within(self.limits.answer_bytes_max)
    }

    /// Begins any operation. A subscription to changes leaves itself in the context, and answers only if it cannot begin.
    pub fn begin(&self, request: Checked, call: Call) -> (BoxStream<'static, GraphQlResponse>, Arc<RequestContext>) {
        let Call { asked, circumstances, cursor, .. } = call;
        let reads = Arc::clone(&self.reads);
        let context = Arc::new(match request.is_subscription() {
            true => RequestContext::of_subscription_after(reads, asked, cursor),
            false => RequestContext::new(reads, asked),
        });
        let request = request.into_request().data(Arc::clone(&context)).data(circumstances);
        (self.schema.execute_stream(request), context)
    }
}

impl Call {
    /// True if the answer tells what the operation costs.
    pub fn tells_cost(&self) -> bool {
        self.tells_cost
    }

    /// Whose budget and allowances it takes from: a person's, or those of a network of people who are not signed in.
    fn whose(&self) -> String {
        match self.asked.viewer.user_id() {
            Some(user_id) => format!("of:{user_id}"),
            None => client_address::network_name(self.circumstances.client_address),
        }
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.circumstances.request_id
    }

    /// Goes on after this cursor, whatever the operation says of it.
    pub fn after(self, cursor: Option<String>) -> Self {
        Self { cursor, ..self }
    }

    /// When it ends, if it is no subscription.
    pub fn deadline(&self) -> Instant {
        self.asked.deadline
    }

    /// What a read does that is late.
    pub fn on_timeout(&self) -> OnTimeout {
        self.asked.on_timeout
    }
}

/// A command's circumstances, out of the request that it came with.
pub fn command_request(ctx: &Context<'_>) -> async_graphql::Result<CommandRequest> {
    let request = ctx.data::<Arc<RequestContext>>()?;
    let circumstances = ctx.data::<Circumstances>()?;
    Ok(CommandRequest {
        viewer: request.viewer().clone(),
        command_id: CommandId::generate(),
        trace: circumstances.trace.clone(),
        client_address: circumstances.client_address,
    })
}

/// `extensions.millrace.NAME` of a request.
fn extension_text<'a>(request: &'a GraphQlRequest, name: &str) -> Option<&'a str> {
    match request.extensions.get(EXTENSION)? {
        Value::Object(object) => match object.get(name)? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// True if a request's extensions ask for the cost.
fn asks_cost(request: &GraphQlRequest) -> bool {
    let Some(Value::Object(extension)) = request.extensions.get(EXTENSION) else { return false };
    extension.get(COST_EXTENSION) == Some(&Value::Boolean(true))
}

/// A response that tells what the operation costs.
pub fn with_cost(response: GraphQlResponse, cost: Option<Value>) -> GraphQlResponse {
    match cost {
        Some(cost) => response.extension(COST_EXTENSION, cost),
        None => response,
    }
}

/// A response with codes for what async-graphql refuses itself, our extension, and no more errors than that.
pub fn finished(
    mut response: GraphQlResponse,
    context: &RequestContext,
    request_id: &str,
    errors_max: usize,
) -> GraphQlResponse {
    response.errors.truncate(errors_max);
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            // Only what was refused before execution, or an argument that could not be parsed, comes without a code.
            extensions.set("code", "BAD_USER_INPUT");
            extensions.set("retryable", false);
        }
        extensions.set("requestId", request_id);
    }
    response.extensions.insert(EXTENSION.to_owned(), extension(context, request_id));
    response
}

/// What is told beside an answer.
fn extension(context: &RequestContext, request_id: &str) -> Value {
    let mut extension = context.extension();
    extension.insert(Name::new("requestId"), Value::from(request_id));
    Value::Object(extension)
}
