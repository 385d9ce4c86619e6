//! `millrace-servers`: the servers by themselves, and for the length of a command.

use std::error::Error as StdError;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitCode, ExitStatus};

use clap::{Parser, Subcommand};
use millrace_servers::{
    BINARIES_VARIABLE, Binaries, EndWith, Options, SERVERS_VARIABLE, Servers, home_folder, provide, spawn_bound,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// A shell adds this to the number of the signal that ended a command.
const SIGNAL_CODE_BASE: i32 = 128;

/// Gets and runs real PostgreSQL, Redis, MongoDB and NATS for millrace, in a private folder and on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Find the servers, get those that are missing, and print where they are.
    Provide,
    /// Start the servers, print their URLs as one line of JSON, and stop them on Ctrl-C or SIGTERM.
    Run {
        /// Where the data is kept; without it in the private folder.
        #[arg(long)]
        data: Option<PathBuf>,
        /// The first of four ports; without it the ones of the last start, or free ones.
        #[arg(long)]
        base_port: Option<u16>,
    },
    /// Start a fresh set, run a command that finds it in its environment, and delete the set.
    Exec {
        /// Bring each write to the disk as in production: for measurements.
        #[arg(long)]
        durable: bool,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// The demo's data, below the private folder.
const DATA_NAME: &str = "data";

type Outcome = Result<ExitCode, Box<dyn StdError>>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().action {
        Action::Provide => print_binaries().await,
        Action::Run { data, base_port } => run(data, base_port).await,
        Action::Exec { durable, command } => exec(durable, command).await,
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {}", with_causes(&*error));
        ExitCode::FAILURE
    })
}

async fn print_binaries() -> Outcome {
    println!("{}", serde_json::to_string_pretty(&binaries().await?)?);
    Ok(ExitCode::SUCCESS)
}

async fn run(data: Option<PathBuf>, base_port: Option<u16>) -> Outcome {
    let mut signals = Signals::new()?;
    let options = Options { base_port, ..Options::default() };
    let binaries = binaries().await?;
    let data = data.unwrap_or_else(|| binaries.home.join(DATA_NAME));
    let servers = tokio::select! {
        started = Servers::start(&binaries, &data, options) => started?,
        _ = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    println!("{}", serde_json::to_string(&servers.urls())?);
    signals.next().await;
    servers.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn exec(durable: bool, command: Vec<OsString>) -> Outcome {
    let mut signals = Signals::new()?;
    let binaries = binaries().await?;
    let options = if durable { Options::default() } else { Options::for_tests() };
    let servers = tokio::select! {
        started = Servers::temporary(&binaries, options) => started?,
        _ = signals.next() => return Ok(ExitCode::FAILURE),
    };
    let child = spawn_with_servers(&command, &servers, &binaries)?;
    let status = wait(child, &mut signals).await?;
    // Nothing of the set is kept, so nothing needs an orderly end.
    tokio::task::spawn_blocking(move || drop(servers)).await?;
    Ok(exit_code(status))
}

fn spawn_with_servers(
    command: &[OsString],
    servers: &Servers,
    binaries: &Binaries,
) -> Result<Child, Box<dyn StdError>> {
    let (program, arguments) = command.split_first().ok_or("no command is given")?;
    let urls = serde_json::to_string(&servers.urls())?;
    let binaries = serde_json::to_string(binaries)?;
    let child = spawn_bound(program, EndWith::Terminate, |command| {
        command.args(arguments).env(SERVERS_VARIABLE, urls).env(BINARIES_VARIABLE, binaries);
    })?;
    Ok(child)
}

/// Waits for the command. A terminal gives Ctrl-C to the command as well, SIGTERM must be handed on.
async fn wait(mut child: Child, signals: &mut Signals) -> Result<ExitStatus, Box<dyn StdError>> {
    let process = Pid::from_child(&child);
    let mut end = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut end => return Ok(status??),
            received = signals.next() => if received == Signal::TERM {
                kill_process(process, Signal::TERM)?;
            },
        }
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNAL_CODE_BASE + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

async fn binaries() -> Result<Binaries, millrace_servers::Error> {
    provide(&home_folder()?, |progress| eprintln!("{progress}")).await
}

fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::TERM,
        }
    }
}
