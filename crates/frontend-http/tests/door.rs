//! The door over a socket, before a real engine whose executor runs a statement until it is
//! cancelled.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth::Authenticator;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontend_http::{Limits, Services, serve};
use futures::stream::BoxStream;
use gateway::{Config, Door, Engine};
use model::{
    Catalog, CatalogMode, CatalogSnapshot, Error, ErrorKind, ExecRequest, ExecSession, Executor,
    Principal, Result, ResultStream, Schema, StatementId,
};
use policy::PolicySet;
use runtime::{CancellationToken, Clock, Tasks};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One empty catalog, `nyc`.
struct Worker {
    catalog: Arc<CatalogSnapshot>,
    running: Arc<Notify>,
}

struct WorkerSession {
    catalog: Arc<CatalogSnapshot>,
    running: Arc<Notify>,
    cancelled: CancellationToken,
}

#[async_trait]
impl Executor for Worker {
    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.catalog)
    }

    async fn open_session(&self, _: Arc<Principal>) -> Result<Arc<dyn ExecSession>> {
        Ok(Arc::new(WorkerSession {
            catalog: self.catalog(),
            running: Arc::clone(&self.running),
            cancelled: CancellationToken::new(),
        }))
    }
}

#[async_trait]
impl ExecSession for WorkerSession {
    async fn execute(&self, _: ExecRequest) -> Result<ResultStream> {
        self.running.notify_one();
        self.cancelled.cancelled().await;
        Err(Error::new(ErrorKind::QueryCanceled, "interrupted"))
    }

    async fn ingest(
        &self,
        _: ExecRequest,
        _: BoxStream<'static, Result<arrow_array::RecordBatch>>,
    ) -> Result<u64> {
        Err(Error::not_supported("ingest"))
    }

    async fn discard_temporary(&self) -> Result<()> {
        Ok(())
    }

    async fn begin(&self, _: bool) -> Result<()> {
        Ok(())
    }

    async fn commit(&self) -> Result<()> {
        Ok(())
    }

    async fn rollback(&self) -> Result<()> {
        Ok(())
    }

    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.catalog)
    }

    fn cancel(&self, _: StatementId) {
        self.cancelled.cancel();
    }

    fn progress(&self, _: StatementId) -> Option<f64> {
        None
    }

    async fn close(&self) {}
}

struct Server {
    address: SocketAddr,
    engine: Arc<Engine>,
    /// Told when a statement runs.
    running: Arc<Notify>,
    _tasks: Tasks,
}

/// A server with the principals `boss`, an admin, and `jfk`; passwords are the names.
async fn server() -> Server {
    let schema = Schema {
        name: "main".to_owned(),
        ..Schema::default()
    };
    let nyc = Catalog {
        name: "nyc".to_owned(),
        mode: CatalogMode::ReadOnly,
        schemas: BTreeMap::from([("main".to_owned(), schema)]),
    };
    let catalog = Arc::new(CatalogSnapshot {
        version: 1,
        catalogs: BTreeMap::from([("nyc".to_owned(), nyc)]),
        shared: None,
    });
    let policy_text = format!(
        "[[role]]\nname = \"admin\"\nadmin = true\n\
         [[principal]]\nname = \"boss\"\nverifier = \"{}\"\nroles = [\"admin\"]\n\
         [[principal]]\nname = \"jfk\"\nverifier = \"{}\"\n",
        auth::verifier("boss").unwrap(),
        auth::verifier("jfk").unwrap(),
    );
    let snapshot = Arc::clone(&catalog);
    let policy = on_planner_stack(move || {
        let parser = tree::Parser::open().unwrap();
        let path = Path::new("policy.toml");
        PolicySet::from_text(path, &policy_text, &snapshot, &parser).unwrap()
    });
    let tasks = Tasks::new("test");
    let directory: Vec<_> = policy
        .verifiers()
        .map(|(name, verifier)| (name.to_owned(), verifier.to_owned()))
        .collect();
    let authenticator =
        Authenticator::new(directory, auth::Config::default(), Clock::system(), &tasks).unwrap();
    let running = Arc::new(Notify::new());
    let worker = Worker {
        catalog,
        running: Arc::clone(&running),
    };
    let config = Config {
        default_catalog: "nyc".to_owned(),
        ..Config::default()
    };
    let engine = Engine::start(
        config,
        Arc::new(worker),
        Arc::new(policy),
        None,
        tasks.child("engine"),
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let services = Services {
        engine: Arc::clone(&engine),
        authenticator,
        metrics: runtime::metrics::install().unwrap(),
        version: "1.2.3",
    };
    serve(
        listener,
        None,
        services,
        Limits::default(),
        &tasks.child("http"),
    );
    Server {
        address,
        engine,
        running,
        _tasks: tasks,
    }
}

fn on_planner_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = Tasks::new("set-up").thread("policy", tree::STACK_BYTES, run);
    thread.unwrap().join().unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Server {
    /// One request with these further header lines.
    async fn ask(&self, request: &str, headers: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let text = format!("{request} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    async fn ask_as(&self, login: &str, request: &str) -> Answer {
        self.ask(request, &basic(login)).await
    }
}

fn basic(login: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(login))
}

#[tokio::test]
async fn health_tells_load_and_that_the_server_stops() {
    let server = server().await;
    let healthy = server.ask("GET /health", "").await;
    assert_eq!(healthy.status, 200);
    assert_eq!(
        healthy.json(),
        serde_json::json!({
            "status": "healthy",
            "version": "1.2.3",
            "active_queries": 0,
            "queued_queries": 0,
            "sessions": 0,
        })
    );
    server.engine.drain(Duration::ZERO).await;
    let stopping = server.ask("GET /health", "").await;
    assert_eq!(stopping.status, 503);
    assert_eq!(stopping.json()["status"], "stopping");
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let server = server().await;
    server.ask_as("jfk:wrong", "GET /v1/statements").await;
    let answer = server.ask("GET /metrics", "").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    let failures = "eider_auth_failures_total{door=\"http\",reason=\"password\"}";
    assert!(answer.body.contains(failures), "{}", answer.body);
}

#[tokio::test]
async fn only_admins_see_and_end_statements() {
    let server = server().await;
    let id = StatementId::new();
    for request in [
        "GET /v1/statements".to_owned(),
        format!("DELETE /v1/statements/{id}"),
    ] {
        for headers in [
            String::new(),
            "Authorization: Bearer boss\r\n".to_owned(),
            "Authorization: Basic !\r\n".to_owned(),
            basic("boss"),
            basic("boss:wrong"),
            basic("unknown:boss"),
            basic("boss:boss") + &basic("jfk:jfk"),
        ] {
            let answer = server.ask(&request, &headers).await;
            assert_eq!(answer.status, 401, "{request} {headers}");
            assert!(answer.head.contains("www-authenticate: basic"));
        }
        assert_eq!(server.ask_as("jfk:jfk", &request).await.status, 403);
    }
    let list = server.ask_as("boss:boss", "GET /v1/statements").await;
    assert_eq!(list.status, 200);
    assert_eq!(list.json(), serde_json::json!({"statements": []}));
    let unknown = format!("DELETE /v1/statements/{id}");
    assert_eq!(server.ask_as("boss:boss", &unknown).await.status, 404);
    let bad = server.ask_as("boss:boss", "DELETE /v1/statements/7").await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn an_admin_ends_a_running_statement() {
    let server = server().await;
    let peer = "127.0.0.1:1".parse().unwrap();
    let session = server
        .engine
        .open_session("jfk", Door::Pg, peer, None)
        .await
        .unwrap();
    let tasks = Tasks::new("client");
    let client = tasks.spawn("client", async move {
        let prepared = session.prepare("select 42 as answer", &[]).await?;
        session.execute(&prepared, Vec::new()).await.map(drop)
    });
    server.running.notified().await;

    let list = server
        .ask_as("boss:boss", "GET /v1/statements")
        .await
        .json();
    let statement = &list["statements"][0];
    assert_eq!(statement["sql"], "select 42 as answer");
    assert_eq!(statement["sql_bytes"], 19);
    assert_eq!(statement["principal"], "jfk");
    assert_eq!(statement["door"], "pg");
    assert_eq!(statement["state"], "running");
    assert_eq!(statement["wait"], serde_json::Value::Null);
    let health = server.ask("GET /health", "").await.json();
    assert_eq!(
        (&health["active_queries"], &health["sessions"]),
        (&1.into(), &1.into())
    );

    let id = statement["id"].as_str().unwrap();
    let kill = format!("DELETE /v1/statements/{id}");
    assert_eq!(server.ask_as("boss:boss", &kill).await.status, 202);
    let error = client.join().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(server.ask_as("boss:boss", &kill).await.status, 404);
}

#[tokio::test]
async fn other_pages_and_methods_do_not_exist() {
    let server = server().await;
    assert_eq!(server.ask("GET /", "").await.status, 404);
    assert_eq!(server.ask("GET /v1/statements/", "").await.status, 404);
    assert_eq!(server.ask("POST /health", "").await.status, 405);
    assert_eq!(server.ask("GET /health/../metrics", "").await.status, 404);
}
