//! A network with a delay between a test and its server.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const CHUNK_BYTES: usize = 16 * 1024;

/// Passes connections on to the server of this URL, each way with this delay, and returns the URL of the detour.
pub async fn detour(url: &str, delay: Duration) -> String {
    let (before, after) = url.split_once('@').unwrap();
    let (server, database) = after.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let detour = listener.local_addr().unwrap();
    tokio::spawn(accept(listener, server.to_owned(), delay));
    format!("{before}@{detour}/{database}")
}

async fn accept(listener: TcpListener, server: String, delay: Duration) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = TcpStream::connect(&server).await.unwrap().into_split();
        tokio::spawn(pass(from_client, to_server, delay));
        tokio::spawn(pass(from_server, to_client, delay));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        tokio::time::sleep(delay).await;
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
