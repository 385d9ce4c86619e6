//! A network with a delay between a test and its server.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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

/// Connections to a server that can be gone without a word: those that stand then carry nothing more, and none of them ends.
pub struct Wire {
    pub url: String,
    lives: watch::Sender<u32>,
}

impl Wire {
    /// Before the server of this URL.
    pub async fn before(url: &str) -> Self {
        let (before, after) = url.split_once('@').unwrap();
        let (server, database) = after.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{database}", listener.local_addr().unwrap());
        let (lives, server) = (watch::channel(0).0, server.to_owned());
        let life = lives.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (mut server, mut ends) = (TcpStream::connect(&server).await.unwrap(), life.clone());
                ends.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Kept open, and nothing is read.
                        _ = ends.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { url, lives }
    }

    /// Only connections that are made from here on lead anywhere.
    pub fn go_silent(&self) {
        self.lives.send_modify(|life| *life += 1);
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
