#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use axum::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A door on a free port with one page.
async fn door(router: Router, limits: Limits) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new("http");
    spawn(listener, None, router, limits, &tasks);
    (address, tasks)
}

fn hello() -> Router {
    let page = async |Extension(PeerAddress(peer)): Extension<PeerAddress>| peer.to_string();
    Router::new().route("/", get(page))
}

async fn connect(address: SocketAddr, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

/// What the server says until it closes; a reset counts as the end.
async fn rest(mut socket: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn requests_know_their_peer() {
    let (address, _tasks) = door(hello(), Limits::default()).await;
    let socket = connect(address, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    let peer = socket.local_addr().unwrap();
    let answer = rest(socket).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{peer}")), "{answer}");
}

#[tokio::test]
async fn garbage_and_long_heads_are_refused_and_the_door_goes_on() {
    let (address, _tasks) = door(hello(), Limits::default()).await;
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(64 << 10));
    for (text, status) in [
        ("\x16\x03\x01 garbage\r\n\r\n", "400"),
        ("GET /\r\n\r\n", "400"),
        (long.as_str(), "431"),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The server may stop reading before the end.
        let _ = socket.write_all(text.as_bytes()).await;
        let mut begin = [0; 12];
        socket.read_exact(&mut begin).await.unwrap();
        assert_eq!(begin, format!("HTTP/1.1 {status}").as_bytes());
    }
    let answer = rest(connect(address, "GET / HTTP/1.0\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_idle_connections_end() {
    let (address, _tasks) = door(hello(), Limits::default()).await;
    let half = connect(address, "GET / HT").await;
    let answer = rest(half).await;
    assert!(!answer.contains("200"), "{answer}");
    let idle = connect(address, "GET / HTTP/1.1\r\n\r\n").await;
    let answer = rest(idle).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let limits = Limits {
        connections: NonZeroUsize::MIN,
        ..Limits::default()
    };
    let (address, tasks) = door(hello(), limits).await;
    let mut first = connect(address, "GET / HTTP/1.1\r\n\r\n").await;
    let mut begin = [0; 12];
    first.read_exact(&mut begin).await.unwrap();
    let second = connect(address, "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(tasks.running(), ["http/accept", "http/connection"]);
    drop(first);
    let answer = rest(second).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn shutdown_answers_what_has_begun_and_closes_the_rest() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let page = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        async move || {
            begun.notify_one();
            go_on.notified().await;
            "done"
        }
    };
    let (address, tasks) = door(Router::new().route("/", get(page)), Limits::default()).await;
    let idle = connect(address, "").await;
    let busy = connect(address, "GET / HTTP/1.1\r\n\r\n").await;
    begun.notified().await;
    tasks.shutdown();
    assert_eq!(rest(idle).await, "");
    go_on.notify_one();
    let answer = rest(busy).await;
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(tasks.wait(MINUTE).await, [""; 0]);
    assert!(TcpStream::connect(address).await.is_err());
}
