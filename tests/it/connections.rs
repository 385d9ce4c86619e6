//! How many connections a port takes, and how many of them from one address.

use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use crate::metrics::shows;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const HERE: &str = "127.0.0.1:0";
/// Another address of the loopback, which all of `127.0.0.0/8` is.
const THERE: &str = "127.0.0.2:0";

async fn connect(process: &Process, from: &str) -> TcpStream {
    let address: SocketAddr = process.public_address().parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(from.parse().expect("an address")).expect("an address of this machine");
    socket.connect(address).await.expect("a connection")
}

/// One request, after which the connection stays open.
async fn ask(stream: &mut TcpStream) -> io::Result<bool> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        answer.push(stream.read_u8().await?);
    }
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// A connection that has been answered, and stays open.
async fn served(process: &Process, from: &str) -> io::Result<TcpStream> {
    let mut stream = connect(process, from).await;
    ask(&mut stream).await.map(|_| stream)
}

#[tokio::test]
async fn connections_are_capped_and_a_socket_is_none() {
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__CONNECTIONS_MAX", "1")])).await;
    let _socket = Socket::open(&process.graphql(), None).await;
    let mut first =
        eventually("the socket's connection is given back", async || served(&process, HERE).await.ok()).await;
    assert!(served(&process, HERE).await.is_err(), "one too many");
    assert!(ask(&mut first).await.expect("the first one goes on"));
    drop(first);
    eventually("there is room again", async || served(&process, HERE).await.ok()).await;
    process.stop().await;
}

#[tokio::test]
async fn one_address_takes_the_connections_from_no_other() {
    let stage = Stage::new().await;
    let limit = [("MILLRACE_HTTP__CONNECTIONS_PER_ADDRESS_MAX", "2")];
    let process = Process::serve("all", &stage.environment_with(&limit)).await;
    let _socket = Socket::open(&process.graphql(), None).await;
    let first = served(&process, HERE).await.expect("the first one");
    let mut second =
        eventually("the socket's connection is given back", async || served(&process, HERE).await.ok()).await;
    assert!(served(&process, HERE).await.is_err(), "one too many of this address");
    let refused = "millrace_http_connections_total{port=\"graphql\",outcome=\"refused_address\"}";
    shows(&process, "who was refused", |metrics| metrics.sample(refused).is_some_and(|refused| refused >= 1.0)).await;

    let _others =
        [served(&process, THERE).await.expect("its first"), served(&process, THERE).await.expect("its second")];
    assert!(served(&process, THERE).await.is_err(), "each address has as many");
    assert!(ask(&mut second).await.expect("what was there goes on"));
    drop(first);
    eventually("there is room again", async || served(&process, HERE).await.ok()).await;
    process.stop().await;
}

#[tokio::test]
async fn a_trusted_proxy_brings_the_connections_of_many() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__CONNECTIONS_PER_ADDRESS_MAX", "1"), ("MILLRACE_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let mut of_proxy = Vec::new();
    for _ in 0..5 {
        of_proxy.push(served(&process, HERE).await.expect("one of the proxy's"));
    }
    let _stranger = served(&process, THERE).await.expect("the stranger's own");
    assert!(served(&process, THERE).await.is_err(), "one too many of the stranger's");
    for stream in &mut of_proxy {
        assert!(ask(stream).await.expect("the proxy's go on"));
    }
    process.stop().await;
}
