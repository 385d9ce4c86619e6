//! A wire to PostgreSQL that can be cut at the very moment of a COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PASS: u8 = 0;
const LOSE_REQUEST: u8 = 1;
const LOSE_ANSWER: u8 = 2;
const LOSE_ANSWER_AND_STAY_DOWN: u8 = 3;
const DOWN: u8 = 4;
const SWALLOW_ANSWER: u8 = 5;

/// A proxy on a port of its own.
pub struct Proxy {
    pub url: String,
    state: Arc<AtomicU8>,
    silences: watch::Sender<u32>,
}

impl Proxy {
    /// Before the server of this URL.
    pub async fn before(url: &str) -> Self {
        let (start, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{start}@{}/{database}", listener.local_addr().unwrap());
        let state = Arc::new(AtomicU8::new(PASS));
        let (silences, silenced) = watch::channel(0);
        tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&state), silenced));
        Self { url, state, silences }
    }

    /// The next COMMIT does not reach the server.
    pub fn lose_next_commit(&self) {
        self.state.store(LOSE_REQUEST, Ordering::SeqCst);
    }

    /// The next COMMIT is carried out, and its answer does not come back.
    pub fn lose_next_answer_to_commit(&self) {
        self.state.store(LOSE_ANSWER, Ordering::SeqCst);
    }

    /// So, and nothing comes through any more.
    pub fn lose_next_answer_to_commit_and_stay_down(&self) {
        self.state.store(LOSE_ANSWER_AND_STAY_DOWN, Ordering::SeqCst);
    }

    /// The next COMMIT is carried out, and its connection carries nothing more, and does not end.
    pub fn swallow_next_answer_to_commit(&self) {
        self.state.store(SWALLOW_ANSWER, Ordering::SeqCst);
    }

    /// The connections that stand carry nothing more, and do not end: as when the other machine is gone without a word.
    pub fn go_silent(&self) {
        self.silences.send_modify(|times| *times += 1);
    }

    /// Nothing comes through any more.
    pub fn go_down(&self) {
        self.state.store(DOWN, Ordering::SeqCst);
    }

    /// True once the COMMIT in question has passed.
    pub fn has_struck(&self) -> bool {
        [PASS, DOWN].contains(&self.state.load(Ordering::SeqCst))
    }
}

async fn accept(listener: TcpListener, server: String, state: Arc<AtomicU8>, silenced: watch::Receiver<u32>) {
    while let Ok((client, _)) = listener.accept().await {
        if state.load(Ordering::SeqCst) == DOWN {
            continue;
        }
        let server = TcpStream::connect(&server).await.unwrap();
        tokio::spawn(carry(client, server, Arc::clone(&state), silenced.clone()));
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, state: Arc<AtomicU8>, mut silenced: watch::Receiver<u32>) {
    silenced.mark_unchanged();
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            // Kept open, and nothing is read.
            _ = silenced.changed() => std::future::pending().await,
            sent = client.read(&mut up) => {
                let Ok(count @ 1..) = sent else { return };
                match strike(&up[..count], &state) {
                    PASS => server.write_all(&up[..count]).await.unwrap_or_default(),
                    LOSE_REQUEST | DOWN => return,
                    SWALLOW_ANSWER => {
                        server.write_all(&up[..count]).await.unwrap();
                        let _answer = server.read(&mut down).await;
                        std::future::pending().await
                    }
                    _ => {
                        server.write_all(&up[..count]).await.unwrap();
                        let _answer = server.read(&mut down).await;
                        return;
                    }
                }
            }
            answered = server.read(&mut down) => {
                let Ok(count @ 1..) = answered else { return };
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What happens to these bytes; a COMMIT uses up what was asked for.
fn strike(bytes: &[u8], state: &AtomicU8) -> u8 {
    let now = state.load(Ordering::SeqCst);
    if now == DOWN {
        return DOWN;
    }
    if !bytes.windows(7).any(|window| window == b"COMMIT\0") {
        return PASS;
    }
    let next = if now == LOSE_ANSWER_AND_STAY_DOWN { DOWN } else { PASS };
    state.compare_exchange(now, next, Ordering::SeqCst, Ordering::SeqCst).unwrap_or(PASS)
}
