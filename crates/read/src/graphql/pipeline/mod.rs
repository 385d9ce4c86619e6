//! The whole pipeline, for people who watch it.

mod look;
mod sample;
mod sampler;
#[cfg(test)]
mod tests;
mod watch;

pub use sample::{PipelineLag, PipelineSample};
pub(super) use sampler::{ms, timestamp};
pub(super) use watch::{PipelineWatch, watch_pipeline};

use super::context::RequestContext;
use super::error::Refusal;
use crate::trail::now_us;
use async_graphql::{Context, Object, Result, Subscription};
use futures_util::{Stream, stream};
use std::sync::Arc;

/// Queries about the pipeline.
#[derive(Debug, Default)]
pub struct PipelineQuery;

#[Object]
impl PipelineQuery {
    /// How far each projection was behind in the last 15 minutes, as the answering process knew it once a second, oldest first. For
    /// admins; for everybody where the operator has opened the pipeline.
    async fn pipeline_lags(&self, ctx: &Context<'_>) -> Result<Vec<PipelineLag>> {
        let request = admitted(ctx)?;
        Ok(request.side().pipeline().lags(timestamp(now_us())))
    }
}

/// Subscriptions to the pipeline.
#[derive(Debug, Default)]
pub struct PipelineSubscription;

#[Subscription]
impl PipelineSubscription {
    /// How the whole pipeline is doing, once a second. For admins; for everybody where the operator has opened the pipeline.
    async fn pipeline(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = PipelineSample> + use<>> {
        let samples = admitted(ctx)?.side().pipeline().samples();
        Ok(stream::unfold(samples, |mut samples| async move {
            loop {
                samples.changed().await.ok()?;
                let sample = samples.borrow_and_update().clone();
                if let Some(sample) = sample {
                    return Some((PipelineSample::clone(&sample), samples));
                }
            }
        }))
    }
}

fn admitted<'a>(ctx: &Context<'a>) -> Result<&'a Arc<RequestContext>, Refusal> {
    let request = RequestContext::of(ctx)?;
    if request.side().pipeline().is_open() {
        return Ok(request);
    }
    request.person()?;
    if request.viewer().is_admin() { Ok(request) } else { Err(Refusal::Forbidden) }
}
