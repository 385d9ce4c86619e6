//! NATS with JetStream.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, at};
use crate::options::{NatsSync, Options};
use crate::probe::Probe;

const SETTINGS_NAME: &str = "nats.conf";
/// Room for streams on the disk and in memory.
const FILE_STORE: &str = "16GB";
const MEMORY_STORE: &str = "64MB";

/// JetStream answers its own account's state only when it can take messages.
const QUESTION: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"user\":\"operator\",\"pass\":\"operator\"}\r\n\
    SUB _INBOX.ready 1\r\nPUB $JS.API.INFO _INBOX.ready 0\r\n\r\n";
const ANSWER_TYPE: &str = "io.nats.jetstream.api.v1.account_info_response";

/// Who may do what. The server listens on the loopback alone, so that passwords are no secrets: users keep a part of the program from
/// what it should not do, not people out.
const USERS: &str = r#"
authorization {
  # What relays write, and nobody else: the log's subjects, beats, the stream, the bucket of keys.
  RELAY = {
    publish = [
      "*.log.>", "*.beat", "$KV.*.>",
      "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*", "$JS.API.STREAM.DELETE.*",
      "$JS.API.STREAM.MSG.GET.*", "$JS.API.DIRECT.GET.>"
    ]
    subscribe = ["_INBOX.>"]
  }
  # What projectors read. They may write nothing but questions.
  PROJECTOR = {
    publish = [
      "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.MSG.GET.*", "$JS.API.DIRECT.GET.>",
      "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.MSG.NEXT.>"
    ]
    subscribe = ["_INBOX.>", "*.beat"]
  }
  users = [
    { user: operator, password: operator }
    { user: relay, password: relay, permissions: $RELAY }
    { user: projector, password: projector, permissions: $PROJECTOR }
  ]
}
"#;

/// A user of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// May do everything.
    Operator,
    /// Writes the stream.
    Relay,
    /// Reads it.
    Projector,
}

impl User {
    /// Its name, which is its password too.
    fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Relay => "relay",
            Self::Projector => "projector",
        }
    }
}

/// Writes the settings file and names it to the server.
pub(crate) fn arguments(folder: &Path, port: u16, options: &Options) -> Result<Vec<OsString>, Error> {
    let path = folder.join(SETTINGS_NAME);
    fs::write(&path, settings(folder, port, options)).map_err(at("write", &path))?;
    Ok(vec!["--config".into(), path.into()])
}

fn settings(folder: &Path, port: u16, options: &Options) -> String {
    let store = folder.join("jetstream");
    let sync = match options.nats_sync {
        NatsSync::Always => "always".to_owned(),
        NatsSync::Interval(interval) => format!("\"{}ms\"", interval.as_millis()),
    };
    format!(
        "server_name: millrace\nhost: 127.0.0.1\nport: {port}\njetstream {{\n  store_dir: {:?}\n  \
         max_file_store: {FILE_STORE}\n  max_memory_store: {MEMORY_STORE}\n  sync_interval: {sync}\n}}\n{USERS}",
        store.display().to_string()
    )
}

pub(crate) fn url(port: u16, user: User) -> String {
    let name = user.name();
    format!("nats://{name}:{name}@127.0.0.1:{port}")
}

/// Whether JetStream answers.
pub(crate) async fn is_ready(port: u16) -> io::Result<bool> {
    let mut probe = Probe::connect(port).await?;
    probe.send(QUESTION).await?;
    probe.read(|received| state_of_jetstream(&String::from_utf8_lossy(received))).await
}

/// None while the answer is not complete. `"error"` stands in it as long as JetStream is not up.
fn state_of_jetstream(received: &str) -> Option<bool> {
    let message = &received[received.find("MSG _INBOX.ready ")?..];
    let (header, body) = message.split_once("\r\n")?;
    let length: usize = header.rsplit(' ').next()?.parse().ok()?;
    let body = body.get(..length)?;
    Some(body.contains(ANSWER_TYPE) && !body.contains("\"error\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_none() {
        let whole = format!("INFO {{}}\r\nMSG _INBOX.ready 1 60\r\n{{\"type\":\"{ANSWER_TYPE}\",{}", " ".repeat(60));
        assert_eq!(state_of_jetstream(&whole), Some(true));
        assert_eq!(state_of_jetstream(&whole[..60]), None);
        assert_eq!(state_of_jetstream("INFO {}\r\n"), None);
    }

    #[test]
    fn an_error_is_not_ready() {
        let body = format!("{{\"type\":\"{ANSWER_TYPE}\",\"error\":{{\"code\":503}}}}");
        let message = format!("MSG _INBOX.ready 1 {}\r\n{body}\r\n", body.len());
        assert_eq!(state_of_jetstream(&message), Some(false));
    }
}
