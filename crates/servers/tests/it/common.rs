//! Questions to servers and processes.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use millrace_servers::{Binaries, Options, Server, Servers};

const WAIT_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub async fn binaries() -> Binaries {
    Binaries::from_environment().await.unwrap()
}

pub async fn fresh_set() -> Servers {
    Servers::temporary(&binaries().await, Options::for_tests()).await.unwrap()
}

/// What psql prints, or what it complains about.
pub fn sql(binaries: &Binaries, url: &str, statement: &str) -> Result<String, String> {
    sql_within(binaries, url, statement, CONNECT_LIMIT)
}

/// The same of a server that must not take longer to take the connection.
pub fn sql_within(binaries: &Binaries, url: &str, statement: &str, limit: Duration) -> Result<String, String> {
    let output = Command::new(binaries.postgresql.path.with_file_name("psql"))
        .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
        .env("PGCONNECT_TIMEOUT", limit.as_secs().to_string())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// What Redis answers to one line, or none if nothing comes within the limit.
pub fn redis(server: &Server, line: &str, limit: Duration) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).ok()?;
    stream.set_read_timeout(Some(limit)).unwrap();
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
    let mut buffer = [0; 256];
    let count = stream.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..count]).trim().to_owned())
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < WAIT_LIMIT, "waited too long: {what}");
        sleep(POLL_INTERVAL);
    }
}

/// A process, its children, theirs and so on.
pub fn family(root: u32) -> Vec<u32> {
    let mut family = vec![root];
    let all: Vec<(u32, u32)> = all_processes();
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(all.iter().filter(|(_, its_parent)| *its_parent == parent).map(|(id, _)| *id));
        next += 1;
    }
    family
}

pub fn runs(id: u32) -> bool {
    state_and_parent(id).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn all_processes() -> Vec<(u32, u32)> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, state_and_parent(id)?.1)))
        .collect()
}

fn state_and_parent(id: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
