//! The API of a process: the schema, who may ask, and what comes with each answer.

mod call;
mod connection;
mod execution;
mod extension;
mod receipts;
mod sender;
mod sent;

pub use call::{Call, command_request, keep_receipt};
pub use connection::Connection;
pub use execution::broken_off;
pub use extension::{EXTENSION, finished, with_cost};
pub use receipts::Receipts;
pub use sender::Admitted;
pub use sent::COMMAND_ID;

use crate::checked::Checks;
use crate::command_port::CommandPort;
use crate::documents::Documents;
use crate::http::bearer;
use crate::places::OpenPlaces;
use crate::schema::ApiSchema;
use crate::settings::HttpSettings;
use crate::weights::{self, WeightsError};
use millrace_command::auth::AccessTokenVerifier;
use millrace_command::auth::openid::IdTokens;
use millrace_document::Limits;
use millrace_read::budget::Budget;
use millrace_read::graphql::{Answers, Groups, ReadSide};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

impl Api {
    /// An API over the read side and the way to the command side, to be made after the recorder of metrics. There is
    /// none without a limit of what operations cost.
    pub fn new(
        reads: Arc<ReadSide>,
        commands: CommandPort,
        verifier: AccessTokenVerifier,
        limits: HttpSettings,
        gate: Gate,
        shutdown: CancellationToken,
    ) -> Result<Self, WeightsError> {
        let mut builder = crate::schema::builder().data(commands.clone()).data(Arc::clone(&reads));
        if !limits.answers_introspection() {
            builder = builder.disable_introspection();
        }
        bearer::describe();
        let places = OpenPlaces::new(&limits);
        let (schema, groups, sockets) = (builder.finish(), Arc::default(), TaskTracker::new());
        let answers = Answers::new(limits.answers_bytes_max);
        let Gate { documents, limits: document_limits, budget, outside } = gate;
        let checks = Checks::new(document_limits, weights::of(&schema.sdl())?, limits.answers_introspection());
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
}
