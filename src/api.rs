//! The API of a process: the schema, who may ask, and what comes with each answer.

use crate::admission::Admission;
use crate::answered::{Answered, to_json};
use crate::command_port::CommandPort;
use crate::documents::Documents;
use crate::ended_sign_in;
use crate::http::problem::Problem;
use crate::http::{headers, trace_context};
use crate::schema::ApiSchema;
use crate::settings::HttpSettings;
use async_graphql::{Context, Name, Request as GraphQlRequest, Response as GraphQlResponse, Value};
use axum::http::HeaderMap;
use futures_util::stream::BoxStream;
use millrace_command::Request as CommandRequest;
use millrace_command::auth::AccessTokenVerifier;
use millrace_events::{CommandId, Timestamp, Viewer};
use millrace_read::graphql::{Answers, Asked, Groups, Question, ReadSide, Refusal, RequestContext};
use millrace_read::reader::OnTimeout;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The name under which an answer's `extensions`, and a request's, hold what is ours.
pub const EXTENSION: &str = "millrace";

/// Answers requests.
pub struct Api {
    schema: ApiSchema,
    reads: Arc<ReadSide>,
    commands: CommandPort,
    verifier: AccessTokenVerifier,
    limits: HttpSettings,
    documents: Documents,
    answers: Answers,
    groups: Arc<Groups>,
    sockets: TaskTracker,
    socket_places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// Who asks, and what they are owed: one request.
pub struct Call {
    asked: Asked,
    circumstances: Circumstances,
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
}

impl Api {
    /// An API over the read side and the way to the command side.
    pub fn new(
        reads: Arc<ReadSide>,
        commands: CommandPort,
        verifier: AccessTokenVerifier,
        limits: HttpSettings,
        documents: Documents,
        shutdown: CancellationToken,
    ) -> Self {
        let mut builder = crate::schema::builder().data(commands.clone()).data(Arc::clone(&reads));
        if !limits.playground {
            builder = builder.disable_introspection();
        }
        let socket_places = Arc::new(Semaphore::new(limits.sockets_max));
        let (schema, groups, sockets) = (builder.finish(), Arc::default(), TaskTracker::new());
        let answers = Answers::new(limits.answers_bytes_max);
        Self { schema, reads, commands, verifier, limits, documents, answers, groups, sockets, socket_places, shutdown }
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

    /// A place for one more socket, if there is one.
    pub fn socket_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.socket_places).try_acquire_owned().ok()
    }

    /// Who sends a request over HTTP.
    pub async fn sender(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        self.viewer(headers::authorization(headers)?).await
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
        Ok(Call { asked: Asked { viewer, token, on_timeout, deadline }, circumstances })
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
        let connection = Connection { authorization, consistency, on_timeout, client_address };
        let verified = self.verified(connection.authorization.as_deref())?;
        // Listened to before the look, so that no change is missed in between.
        let notices = verified.user_id().map(|user_id| self.reads.access_notices(user_id));
        let viewer = self.admitted(verified).await?;
        let admission = notices.zip(viewer.person().cloned());
        let admission = admission.map(|(notices, person)| Admission::new(Arc::clone(&self.reads), notices, person));
        Ok((connection, admission))
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
        Ok(Call { asked: Asked { viewer, token, on_timeout, deadline: self.deadline() }, circumstances })
    }

    /// Who asks, from a verified token, with the roles that the read side knows. A session that has ended is nobody's.
    async fn viewer(&self, authorization: Option<&str>) -> Result<Viewer, Problem> {
        self.admitted(self.verified(authorization)?).await
    }

    async fn admitted(&self, verified: Viewer) -> Result<Viewer, Problem> {
        let Viewer::Person(person) = verified else { return Ok(Viewer::Anonymous) };
        match self.reads.access(person).await {
            Ok(person) => Ok(Viewer::Person(person)),
            Err(Refusal::Unauthenticated) => Err(Problem::Unauthenticated),
            Err(_) => Err(Problem::Unavailable),
        }
    }

    /// Who sends what is also taken from a sign-in that has ended.
    pub fn ended_sender(&self, headers: &HeaderMap, request: &GraphQlRequest) -> Result<Viewer, Problem> {
        if !ended_sign_in::may_send(&request.query) {
            return Err(Problem::Unauthenticated);
        }
        self.verified(headers::authorization(headers)?)
    }

    /// Who asks, from a verified token, whatever became of the session.
    fn verified(&self, authorization: Option<&str>) -> Result<Viewer, Problem> {
        let Some(authorization) = authorization else { return Ok(Viewer::Anonymous) };
        let token = headers::bearer(authorization)?;
        let now = Timestamp::new(OffsetDateTime::now_utc());
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
    pub async fn execute(
        &self,
        request: GraphQlRequest,
        call: Call,
        question: Option<Question>,
    ) -> Result<Answered, Problem> {
        let (deadline, request_id) = (call.asked.deadline, call.circumstances.request_id.clone());
        let context = Arc::new(RequestContext::new(Arc::clone(&self.reads), call.asked));
        let request = request.data(Arc::clone(&context)).data(call.circumstances);
        let response = timeout_at(deadline, self.schema.execute(request)).await;
        let response = response
            .unwrap_or_else(|_| Problem::Timeout { ms_max: self.limits.request_ms_max }.to_response(&request_id));
        let Some(question) = question.filter(|_| response.errors.is_empty()) else {
            return Answered::of(&finished(response, &context, &request_id));
        };
        let data = to_json(&response.data)?;
        self.answers.remember(question, &data, &context);
        Answered::whole(&data, &extension(&context, &request_id), context.is_everybodys())
    }

    /// Begins any operation. A subscription to changes leaves itself in the context, and answers only if it cannot begin.
    pub fn begin(
        &self,
        request: GraphQlRequest,
        call: Call,
    ) -> (BoxStream<'static, GraphQlResponse>, Arc<RequestContext>) {
        let context = Arc::new(RequestContext::of_subscription(Arc::clone(&self.reads), call.asked));
        let request = request.data(Arc::clone(&context)).data(call.circumstances);
        (self.schema.execute_stream(request), context)
    }
}

impl Call {
    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.circumstances.request_id
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

/// A response with codes for what async-graphql refuses itself, and our extension.
pub fn finished(mut response: GraphQlResponse, context: &RequestContext, request_id: &str) -> GraphQlResponse {
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
