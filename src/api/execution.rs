//! Running an operation: what it costs, what it is answered with, and whether that is kept.

use super::call::Call;
use super::extension::{extension, finished, with_cost};
use super::{Api, Receipts};
use crate::answered::{Answered, to_json};
use crate::checked::Checked;
use crate::documents::Resolved;
use crate::http::problem::Problem;
use crate::panics::caught;
use async_graphql::{Request as GraphQlRequest, Response as GraphQlResponse, Value};
use futures_util::stream::BoxStream;
use millrace_read::budget::Spent;
use millrace_read::graphql::{Question, RequestContext};
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

impl Api {
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

    /// True if answers to questions of so many bytes are kept at all.
    pub fn keeps_answers(&self, question_bytes: usize) -> bool {
        self.answers.keeps(question_bytes)
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
        let receipts = call.circumstances.receipts.clone();
        let request = request.into_request().data(Arc::clone(&context)).data(call.circumstances);
        let response = match self.run(request, deadline).await {
            Ok(response) => with_cost(response, cost),
            Err(problem) => return told(broken_off(problem, &receipts, &context, &request_id)?, cost),
        };
        let Some(question) = question.filter(|_| response.errors.is_empty() && response.extensions.is_empty()) else {
            let response = finished(response, &context, &request_id, self.limits.errors_max);
            let answered = Answered::of(&response)?.within(self.limits.answer_bytes_max);
            return answered.or_else(|problem| done(&receipts, &response, problem, &request_id));
        };
        self.remembered(question, &response, &context, &request_id)
    }

    /// An answer that may be given again.
    fn remembered(
        &self,
        question: Question,
        response: &GraphQlResponse,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<Answered, Problem> {
        let data = to_json(&response.data)?;
        self.answers.remember(question, &data, context);
        let answered = Answered::whole(&data, &extension(context, request_id), context.is_everybodys())?;
        answered.within(self.limits.answer_bytes_max)
    }

    /// Runs it until it ends, is late, or panics. Here and not further out, where nobody knows of its commands any more.
    async fn run(&self, request: GraphQlRequest, deadline: Instant) -> Result<GraphQlResponse, Problem> {
        let late = Problem::Timeout { ms_max: self.limits.request_ms_max };
        caught(async { timeout_at(deadline, self.schema.execute(request)).await.map_err(|_| late) }).await
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

/// However long it is.
fn told(response: GraphQlResponse, cost: Option<Value>) -> Result<Answered, Problem> {
    Answered::of(&with_cost(response, cost))
}

/// What is told of an operation that did not come to its end: of a mutation what became of the commands that were sent. However many and
/// long these tellings are, they are told: nothing else would tell of them.
pub fn broken_off(
    problem: Problem,
    receipts: &Receipts,
    context: &RequestContext,
    request_id: &str,
) -> Result<GraphQlResponse, Problem> {
    let told = receipts.so_far(&problem, request_id).ok_or(problem)?;
    Ok(finished(told, context, request_id, usize::MAX))
}

/// What is told in place of an answer that cannot be given, if commands were sent; else why it cannot.
fn done(
    receipts: &Receipts,
    answer: &GraphQlResponse,
    problem: Problem,
    request_id: &str,
) -> Result<Answered, Problem> {
    match receipts.in_place_of(answer, &problem, request_id) {
        Some(response) => Answered::of(&response),
        None => Err(problem),
    }
}
