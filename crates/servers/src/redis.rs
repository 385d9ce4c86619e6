//! Redis: the cache. It keeps nothing over a restart, because every reader must cope with an empty one.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::options::Options;
use crate::probe::{Probe, line};

pub(crate) fn arguments(folder: &Path, port: u16, options: &Options) -> Vec<OsString> {
    let memory = format!("{}mb", options.redis_memory_mb);
    let port = port.to_string();
    // What has no time to live (heads, rings) is never evicted: a document is cheaper to fetch again.
    let settings = [
        ["--bind", "127.0.0.1"],
        ["--port", &port],
        ["--unixsocket", ""],
        ["--daemonize", "no"],
        ["--save", ""],
        ["--appendonly", "no"],
        ["--maxmemory", &memory],
        ["--maxmemory-policy", "volatile-lru"],
        // Slow commands would be kept with what they were given, for longer than that.
        ["--slowlog-max-len", "0"],
    ];
    let mut arguments: Vec<OsString> = settings.iter().flatten().map(OsString::from).collect();
    arguments.extend(["--dir".into(), folder.into()]);
    arguments
}

pub(crate) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

/// Whether a command is answered.
pub(crate) async fn is_ready(port: u16) -> io::Result<bool> {
    let mut probe = Probe::connect(port).await?;
    probe.send(b"PING\r\n").await?;
    Ok(probe.read(line).await? == "+PONG")
}
