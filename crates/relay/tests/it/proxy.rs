//! A network between a relay and NATS that loses what the test wants it to lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CHUNK_BYTES: usize = 16 * 1024;

pub struct Proxy {
    pub url: String,
    loses_answers: Arc<AtomicBool>,
    connections: watch::Sender<u64>,
}

impl Proxy {
    pub async fn to(nats_url: &str) -> Self {
        let (user, server) = nats_url.strip_prefix("nats://").unwrap().split_once('@').unwrap();
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{user}@{}", listener.local_addr().unwrap());
        let (loses_answers, connections) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(0));
        tokio::spawn(accept(listener, server, Arc::clone(&loses_answers), connections.subscribe()));
        Self { url, loses_answers, connections }
    }

    /// Requests still go through; what NATS answers is lost.
    pub fn lose_answers(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::Relaxed);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.connections.send_modify(|number| *number += 1);
    }
}

async fn accept(listener: TcpListener, server: String, loses: Arc<AtomicBool>, cut: watch::Receiver<u64>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let Ok(server) = TcpStream::connect(&server).await else { continue };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        tokio::spawn(carry(client, server, Arc::clone(&loses), cut.clone()));
    }
}

async fn carry(client: TcpStream, server: TcpStream, loses: Arc<AtomicBool>, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let never = Arc::new(AtomicBool::new(false));
    tokio::select! {
        _ = cut.changed() => {}
        () = pass(from_client, to_server, never) => {}
        () = pass(from_server, to_client, loses) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, loses: Arc<AtomicBool>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        // Lost until the connection ends: half of an answer would be no protocol.
        if loses.load(Ordering::Relaxed) {
            while let Ok(1..) = from.read(&mut chunk).await {}
            return;
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
