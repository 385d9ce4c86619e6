//! Talking to a port that may not answer yet.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest answer that a probe reads; a longer one is not from our server.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const READ_BYTES: usize = 4096;

/// A connection on which a question is asked.
pub(crate) struct Probe {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Probe {
    pub(crate) async fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self { stream, received: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads until `parse` finds its answer in what came so far.
    pub(crate) async fn read<T>(&mut self, parse: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
        loop {
            if let Some(answer) = parse(&self.received) {
                return Ok(answer);
            }
            if self.received.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
            }
            let mut buffer = [0; READ_BYTES];
            let count = self.stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&buffer[..count]);
        }
    }
}

/// The first line, when it is complete.
pub(crate) fn line(received: &[u8]) -> Option<String> {
    let end = received.iter().position(|byte| *byte == b'\n')?;
    Some(String::from_utf8_lossy(&received[..end]).trim_end().to_owned())
}
