//! Connections to the servers of the read side. Both come back by themselves after a loss.

use async_nats::{ConnectOptions, ServerAddr};
use mongodb::Client;
use mongodb::options::ClientOptions;
use std::path::Path;
use std::time::Duration;

pub use mongodb::Database;

/// How long an operation looks for a server that can take it.
const SELECTION_WAIT: Duration = Duration::from_secs(3);
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// Why a connection cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// MongoDB's address, or the driver itself.
    #[error("MongoDB")]
    MongoDb(#[from] mongodb::error::Error),
    /// NATS refused.
    #[error("NATS")]
    Nats(#[from] async_nats::ConnectError),
    /// NATS' address is none.
    #[error("the address of NATS")]
    Address(#[source] std::io::Error),
    /// The credentials file cannot be read.
    #[error("the credentials file of NATS cannot be read")]
    Credentials(#[source] std::io::Error),
}

/// MongoDB's database. Connections are made when they are first used.
pub async fn database(url: &str, name: &str) -> Result<Database, ConnectError> {
    let mut options = ClientOptions::parse(url).await?;
    options.server_selection_timeout = Some(SELECTION_WAIT);
    options.connect_timeout = Some(CONNECT_WAIT);
    options.app_name = Some("millrace".to_owned());
    Ok(Client::with_options(options)?.database(name))
}

/// NATS, also if it does not answer yet. The user stands in the address, or in a credentials file as `nsc` writes it.
pub async fn nats(url: &str, credentials: Option<&Path>) -> Result<async_nats::Client, ConnectError> {
    let addresses = url.split(',').map(|address| address.trim().parse()).collect::<Result<Vec<ServerAddr>, _>>();
    let addresses = addresses.map_err(ConnectError::Address)?;
    let options = match credentials {
        Some(file) => ConnectOptions::with_credentials_file(file).await.map_err(ConnectError::Credentials)?,
        None => user_of(&addresses),
    };
    let options = options.name("millrace-projector").retry_on_initial_connect();
    Ok(options.connect(addresses).await?)
}

/// The user that stands in the first address. async-nats 0.51 reads it, and then connects as nobody.
fn user_of(addresses: &[ServerAddr]) -> ConnectOptions {
    let user = addresses.first().and_then(|address| Some((address.username()?, address.password()?)));
    user.map_or_else(ConnectOptions::new, |(name, password)| {
        ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned())
    })
}
