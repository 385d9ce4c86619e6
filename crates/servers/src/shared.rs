//! One set of servers for all tests of a run.

use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::data::home_folder;
use crate::error::Error;
use crate::options::Options;
use crate::provide::{Binaries, provide};
use crate::servers::{Servers, Urls};

/// Holds the URLs of the set that `millrace-servers exec` started.
pub const SERVERS_VARIABLE: &str = "MILLRACE_TEST_SERVERS";
/// Holds the programs, for tests that start sets of their own.
pub const BINARIES_VARIABLE: &str = "MILLRACE_TEST_BINARIES";

/// The servers that all tests of a run use, each with a database, stream prefix and key prefix of its own.
#[derive(Debug)]
pub struct Shared {
    urls: Urls,
    binaries: Binaries,
    /// Only when no set was started for us; it ends with this process.
    _private: Option<Servers>,
}

impl Shared {
    /// The set that the environment names, else one that is started for this process.
    pub async fn from_environment() -> Result<&'static Self, Error> {
        static SHARED: OnceCell<Shared> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::find_or_start).await
    }

    /// Where the servers are.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The programs, for [`Servers::temporary`].
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    async fn find_or_start() -> Result<Self, Error> {
        let binaries = Binaries::from_environment().await?;
        if let Some(urls) = from_variable(SERVERS_VARIABLE)? {
            return Ok(Self { urls, binaries, _private: None });
        }
        let servers = Servers::temporary(&binaries, Options::for_tests()).await?;
        Ok(Self { urls: servers.urls(), binaries, _private: Some(servers) })
    }
}

impl Binaries {
    /// The programs that the environment names, else what [`provide`] finds or gets.
    pub async fn from_environment() -> Result<Self, Error> {
        match from_variable(BINARIES_VARIABLE)? {
            Some(binaries) => Ok(binaries),
            None => provide(&home_folder()?, |progress| eprintln!("{progress}")).await,
        }
    }
}

fn from_variable<T: DeserializeOwned>(name: &'static str) -> Result<Option<T>, Error> {
    let Some(text) = std::env::var_os(name) else { return Ok(None) };
    let parsed = serde_json::from_str(&text.to_string_lossy());
    parsed.map(Some).map_err(|source| Error::Environment { name, source })
}
