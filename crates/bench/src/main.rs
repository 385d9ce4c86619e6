//! `make bench`: what millrace costs over the bare servers, in ratios of one run. It prints a table and asserts nothing.
//!
//! Both sides of a comparison take turns on the same machine within seconds, and each ratio is the median of the rounds' ratios: a
//! machine that is busy with something else disturbs both sides. Load and servers share the cores, so beside the rates stands the
//! processor time that each server used for a request.

mod bare;
mod cpu;
mod dice;
mod error;
mod http;
mod load;
mod machine;
mod measure;
mod plan;
mod process;
mod progress;
mod run;
mod stage;
mod statistics;
mod table;
mod tokens;
mod world;

use clap::{Parser, Subcommand, ValueEnum};
use error::BenchError;
use plan::Plan;
use run::Part;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// Measures millrace against the bare servers.
#[derive(Parser)]
struct Arguments {
    /// Only these parts, for somebody who works on one of them; all without it.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Few short rounds, for somebody who works on the code: no figures to keep.
    #[arg(long)]
    short: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Answer pages out of Redis: the process that ours is compared with.
    ServePages {
        /// Address of Redis.
        #[arg(long)]
        redis: String,
        /// First part of the pages' keys.
        #[arg(long)]
        prefix: String,
    },
    /// Answer histories of orders by a JOIN in PostgreSQL, whose address is in the environment.
    ServeHistories,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match act(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The load is one thread's work, so that it takes as little from the servers as it can. The bare server has as many threads as ours.
fn act(arguments: &Arguments) -> Result<(), BenchError> {
    let runtime = |mut builder: Builder| builder.enable_all().build().map_err(BenchError::io("starting a runtime"));
    match &arguments.action {
        Some(Action::ServePages { redis, prefix }) => {
            runtime(Builder::new_multi_thread())?.block_on(bare::page_server::serve(redis, prefix))
        }
        Some(Action::ServeHistories) => runtime(Builder::new_multi_thread())?.block_on(bare::history_server::serve()),
        None => {
            let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
            let plan = if arguments.short { &Plan::SHORT } else { &Plan::FULL };
            runtime(Builder::new_current_thread())?.block_on(run::run(parts, plan))
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
