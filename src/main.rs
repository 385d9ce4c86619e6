//! The program: reads the command line and the settings, and runs what they ask for.

use clap::Parser;
use millrace::cli::{Action, Cli, ErasureAction, LogAction, SettingsSource, UserAction};
use millrace::{admin, dev, erasure, keys, parked, roles, schema, seed, shutdown, telemetry};
use std::error::Error;
use std::process::ExitCode;

/// In a profile of folding, glibc's malloc and free took three tenths of our processor time. This is Microsoft's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Outcome {
    match cli.action {
        Action::Dev(arguments) => Ok(dev::run(arguments, &cli.source, shutdown::requested()).await?),
        Action::Schema => print_schema(),
        Action::Keys { folder } => Ok(keys::generate(&folder)?),
        Action::Settings => print_settings(&cli.source),
        action => with_settings(action, &cli.source).await,
    }
}

async fn with_settings(action: Action, source: &SettingsSource) -> Outcome {
    let settings = source.load()?;
    telemetry::start_logs(&settings.logs)?;
    match action {
        Action::Serve { role } => Ok(roles::serve(role, &settings, shutdown::requested()).await?),
        Action::Migrate => Ok(admin::migrate(&settings).await?),
        Action::Seed => Ok(seed::run(&settings).await?),
        Action::User(UserAction::Grant { email, role }) => Ok(admin::grant(&settings, &email, role.into()).await?),
        Action::User(UserAction::Revoke { email, role }) => Ok(admin::revoke(&settings, &email, role.into()).await?),
        Action::Log(LogAction::NewHistory) => Ok(admin::new_history(&settings).await?),
        Action::Erasure(ErasureAction::Verify { id }) => Ok(erasure::verify(&settings, id).await?),
        Action::Parked => Ok(parked::list(&settings).await?),
        Action::Refold { projection, document } => Ok(parked::refold(&settings, &projection, &document).await?),
        Action::Dev(_) | Action::Schema | Action::Keys { .. } | Action::Settings => Ok(()),
    }
}

fn print_schema() -> Outcome {
    print!("{}", schema::sdl());
    Ok(())
}

fn print_settings(source: &SettingsSource) -> Outcome {
    println!("{}", serde_json::to_string_pretty(&source.load()?)?);
    Ok(())
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
