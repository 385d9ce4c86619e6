//! Logs and metrics of the process.

use crate::settings::{LogFormat, LogSettings};
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;
use tokio::runtime::Handle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Bounds of the histograms of durations, in seconds: from a cached read to the request deadline.
const DURATION_BOUNDS_S: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Finer than this, the driver tells the server's whole address, with the password in it.
const TELLS_PASSWORDS: &str = "async_nats::connector=info";

const TASKS: &str = "millrace_tasks";

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter cannot be read.
    #[error("setting logs.filter cannot be read")]
    Filter(#[from] ParseError),
    /// The metrics recorder cannot be installed.
    #[error("metrics cannot be recorded")]
    Metrics(#[from] BuildError),
}

/// Starts logging to standard error, in colour on a terminal, panics included. A second start in one process (tests) changes nothing.
pub fn start_logs(settings: &LogSettings) -> Result<(), TelemetryError> {
    let filter = without_passwords(EnvFilter::try_new(&settings.filter)?)?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    let started = match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(tell_panic));
    }
    Ok(())
}

/// A filter that lets nothing finer through leaves it as it is.
fn without_passwords(filter: EnvFilter) -> Result<EnvFilter, ParseError> {
    if filter.max_level_hint().is_some_and(|level| level <= LevelFilter::INFO) {
        return Ok(filter);
    }
    Ok(filter.add_directive(TELLS_PASSWORDS.parse()?))
}

/// Says where a panic was. Its text is told only if it stands in the source as it is: one that was put together may hold what somebody has
/// sent, such as a password.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let text =
        panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(its text may hold what somebody has sent)");
    let place = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => tracing::error!(place, %backtrace, "a panic: {text}"),
        _ => tracing::error!(place, "a panic: {text}"),
    }
}

/// Starts recording metrics; the handle renders them in Prometheus' text form.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), DURATION_BOUNDS_S)?
        .install_recorder()?;
    describe_gauge!(TASKS, "Tasks of the process that have not come to their end.");
    Ok(handle)
}

/// Notes how many tasks a runtime has now: what is not given back when something closes shows here.
pub fn note_tasks(runtime: &Handle) {
    gauge!(TASKS).set(runtime.metrics().num_alive_tasks() as f64);
}

/// The metrics in Prometheus' text form. A gauge that is not a number stands for what is not known: it has no sample.
pub fn render(metrics: &PrometheusHandle) -> String {
    without_unknown(&metrics.render())
}

fn without_unknown(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.trim_end().ends_with(" NaN")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_sample() {
        let text = "# HELP lag Lag.\n# TYPE lag gauge\nlag{of=\"a\"} NaN\nlag{of=\"b\"} 0.5\n\n";
        assert_eq!(without_unknown(text), "# HELP lag Lag.\n# TYPE lag gauge\nlag{of=\"b\"} 0.5\n\n");
    }
}
