//! A server on loopback before a real engine.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a failed unwrap fails the test; shared by tests, none of which uses all of it"
)]

mod executor;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, FlightInfo};
use auth::Authenticator;
use frontend_flight::{Config, Door};
use futures::{StreamExt, TryStreamExt};
use gateway::Engine;
use policy::PolicySet;
use runtime::{Clock, Tasks};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// `admin` may do everything, `jfk` reads flights from JFK, `nobody` has no grant. Passwords are the
/// names.
const POLICY: &str = r#"
[[role]]
name = "all"
admin = true
[[role]]
name = "some"
[[principal]]
name = "admin"
verifier = "V-admin"
roles = ["all"]
[[principal]]
name = "jfk"
verifier = "V-jfk"
roles = ["some"]
[[principal]]
name = "nobody"
verifier = "V-nobody"
roles = []
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "insert", "create", "drop"]
[[grant]]
role = "some"
on = "lab.main.flights"
privileges = ["select"]
rows = "origin = 'JFK'"
"#;

pub struct Server {
    pub address: SocketAddr,
    pub engine: Arc<Engine>,
    pub door: Door,
    pub tasks: Tasks,
    _folder: TempDir,
}

pub type Client = FlightSqlServiceClient<Channel>;

/// A server with `config`'s limits.
pub async fn serve(config: Config) -> Server {
    serve_with(config, "").await
}

/// A server whose policy has these rules too.
pub async fn serve_with(config: Config, rules: &str) -> Server {
    let tasks = Tasks::new("test");
    let folder = tempfile::tempdir().unwrap();
    let executor = executor::open(folder.path(), &tasks).await;
    let mut text = format!("{POLICY}{rules}");
    let mut verifiers = Vec::new();
    for name in ["admin", "jfk", "nobody"] {
        let verifier = auth::verifier(name).unwrap();
        text = text.replace(&format!("V-{name}"), &verifier);
        verifiers.push((name.to_owned(), verifier));
    }
    let snapshot = executor.catalog();
    let policy = tokio::task::spawn_blocking(move || {
        let parser = tree::Parser::open().unwrap();
        PolicySet::from_text(Path::new("policy.toml"), &text, &snapshot, &parser).unwrap()
    });
    let gateway = gateway::Config {
        default_catalog: "lab".to_owned(),
        planner_threads: 1,
        ..gateway::Config::default()
    };
    let policy = Arc::new(policy.await.unwrap());
    let engine = Engine::start(gateway, executor, policy, None, tasks.child("engine")).unwrap();
    let authenticator = Authenticator::new(
        verifiers,
        auth::Config::default(),
        Clock::system(),
        &tasks.child("auth"),
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let flight = tasks.child("flight");
    let door = Door::new(config, Arc::clone(&engine), authenticator, flight.clone()).unwrap();
    let serving = door.clone();
    flight.spawn("serve", async move {
        serving.serve(listener, None).await.unwrap();
    });
    Server {
        address,
        engine,
        door,
        tasks,
        _folder: folder,
    }
}

pub async fn server() -> Server {
    serve(Config::default()).await
}

impl Server {
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A client that has not logged in.
    pub async fn stranger(&self) -> Client {
        FlightSqlServiceClient::new(self.channel().await)
    }

    /// A client with a session.
    pub async fn client(&self, name: &str) -> Client {
        let mut client = self.stranger().await;
        client.handshake(name, name).await.unwrap();
        client
    }

    /// A client that sends Basic credentials on every call.
    pub async fn stateless(&self, name: &str) -> Client {
        use base64::Engine as _;
        let mut client = self.stranger().await;
        let credentials = format!("{name}:{name}");
        let credentials = base64::engine::general_purpose::STANDARD_NO_PAD.encode(credentials);
        client.set_header("authorization", format!("Basic {credentials}"));
        client
    }

    /// Waits until the engine is at rest: no statement, and so many sessions.
    pub async fn until_idle(&self, sessions: usize) {
        let idle = async {
            loop {
                let health = self.engine.health();
                if health.active == 0
                    && health.sessions == sessions
                    && self.engine.statements().is_empty()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), idle).await;
        let health = self.engine.health();
        assert!(waited.is_ok(), "{health:?} {:?}", self.engine.statements());
    }

    pub async fn stop(self) {
        self.tasks.shutdown();
        let left = self.tasks.wait(Duration::from_secs(30)).await;
        assert_eq!(left, [""; 0]);
    }
}

/// A client of plain Flight.
pub async fn raw(server: &Server) -> FlightServiceClient<Channel> {
    FlightServiceClient::new(server.channel().await)
}

/// A request with this header.
pub fn with<T>(message: T, header: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert(header, value.parse().unwrap());
    request
}

/// The value of the authorization header of a new session.
pub async fn token(server: &Server, name: &str) -> String {
    let client = server.client(name).await;
    format!("Bearer {}", client.token().unwrap())
}

/// Performs an action with these credentials and returns the bodies of its results.
pub async fn act(
    client: &mut FlightServiceClient<Channel>,
    bearer: &str,
    name: &str,
    body: impl Into<bytes::Bytes>,
) -> Result<Vec<bytes::Bytes>, Status> {
    let action = Action::new(name, body);
    let answer = client
        .do_action(with(action, "authorization", bearer))
        .await?;
    let results: Vec<_> = answer.into_inner().collect().await;
    results.into_iter().map(|r| r.map(|r| r.body)).collect()
}

/// Fetches all endpoints of an info.
pub async fn fetch(client: &mut Client, info: FlightInfo) -> Vec<RecordBatch> {
    try_fetch(client, info).await.unwrap()
}

pub async fn try_fetch(
    client: &mut Client,
    info: FlightInfo,
) -> Result<Vec<RecordBatch>, arrow_flight::error::FlightError> {
    let told = info.clone().try_decode_schema();
    let mut batches = Vec::new();
    for endpoint in info.endpoint {
        let mut stream = client.do_get(endpoint.ticket.unwrap()).await?;
        while let Some(batch) = stream.try_next().await? {
            batches.push(batch);
        }
        if let Ok(told) = &told {
            assert_eq!(stream.schema().map(|s| &**s), Some(told));
        }
    }
    Ok(batches)
}

/// Runs a query and returns the first column, of INTEGER.
pub async fn integers(client: &mut Client, sql: &str) -> Vec<i32> {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    ints(&fetch(client, info).await)
}

pub fn ints(batches: &[RecordBatch]) -> Vec<i32> {
    batches
        .iter()
        .flat_map(|b| b.column(0).as_primitive::<Int32Type>().values().to_vec())
        .collect()
}

/// The message of a status inside the client's error.
pub fn text(error: &arrow_flight::error::FlightError) -> String {
    error.to_string()
}
