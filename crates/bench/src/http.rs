//! A small HTTP/1.1 client: one kept-alive connection, one request at a time. Load and servers share the machine's cores, so it does
//! no more than it must: one write and, as a rule, one read for each request.

use crate::error::BenchError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for the largest answer that is met here, so that one read takes all of it.
const ANSWER_BYTES: usize = 64 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";
/// As much of an unexpected answer as is shown.
const SHOWN_BYTES: usize = 600;

/// A connection to a server.
pub struct Connection {
    address: String,
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, as long as the connection is not used again.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// A parsed head: status, where the body begins, how long it is.
struct Head {
    status: u16,
    body_at: usize,
    body_bytes: usize,
}

impl Connection {
    /// Connects to `host:port`, with or without `http://` before it.
    pub async fn open(address: &str) -> Result<Self, BenchError> {
        let address = address.trim_start_matches("http://").to_owned();
        let failed = || BenchError::io(format!("connecting to {address}"));
        let stream = TcpStream::connect(&address).await.map_err(failed())?;
        stream.set_nodelay(true).map_err(failed())?;
        Ok(Self { stream, received: Vec::with_capacity(ANSWER_BYTES), address })
    }

    /// Sends a whole request and reads the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>, BenchError> {
        let failed = |source| BenchError::Io { what: format!("asking {}", self.address), source };
        self.stream.write_all(request).await.map_err(failed)?;
        self.received.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.received).await.map_err(failed)? == 0 {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
            if let Some(head) = parse(&self.received) {
                break head;
            }
        };
        let end = head.body_at + head.body_bytes;
        while self.received.len() < end {
            if self.stream.read_buf(&mut self.received).await.map_err(failed)? == 0 {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(Answer { status: head.status, body: &self.received[head.body_at..end] })
    }
}

impl Answer<'_> {
    /// What to say of an answer that was not expected.
    pub fn unexpected(&self, from: &str) -> BenchError {
        let shown = &self.body[..self.body.len().min(SHOWN_BYTES)];
        BenchError::Answer { from: from.into(), status: self.status, body: String::from_utf8_lossy(shown).into_owned() }
    }
}

/// None while the head is not complete. A body without a length is no body: none of our servers sends one.
fn parse(received: &[u8]) -> Option<Head> {
    let head_bytes = received.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let text = std::str::from_utf8(&received[..head_bytes]).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let lengths = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body_bytes = lengths.next().and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0);
    Some(Head { status, body_at: head_bytes + HEAD_END.len(), body_bytes })
}

/// Writes a GET request.
pub fn get(path: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(b"GET ");
    into.extend_from_slice(path.as_bytes());
    into.extend_from_slice(b" HTTP/1.1\r\nhost: bench\r\n\r\n");
}

/// Writes a GraphQL request.
pub fn graphql(access_token: Option<&str>, body: &str, into: &mut Vec<u8>) {
    post(access_token.map(|token| ["authorization: Bearer ", token]), body, into);
}

/// Writes a GraphQL request that wants to see at least what this consistency token stands for.
pub fn graphql_at(consistency_token: &str, body: &str, into: &mut Vec<u8>) {
    post(Some(["millrace-consistency: ", consistency_token]), body, into);
}

/// Writes a GraphQL request of a client at this address, as a proxy passes it on.
pub fn graphql_from(address: &str, body: &str, into: &mut Vec<u8>) {
    post(Some(["x-forwarded-for: ", address]), body, into);
}

fn post(header: Option<[&str; 2]>, body: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(b"POST /graphql HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n");
    if let Some([name, value]) = header {
        into.extend_from_slice(name.as_bytes());
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"content-type: application/json\r\ncontent-length: ");
    into.extend_from_slice(body.len().to_string().as_bytes());
    into.extend_from_slice(HEAD_END);
    into.extend_from_slice(body.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhel";
        let head = parse(whole).unwrap();
        assert_eq!((head.status, head.body_bytes, &whole[head.body_at..]), (200, 5, &b"hel"[..]));
        assert!(parse(&whole[..30]).is_none());
    }
}
