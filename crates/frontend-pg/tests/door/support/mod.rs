//! A door on loopback before a real engine and a real DuckDB, and clients for it.

mod raw;
mod script;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use duck::{CatalogConfig, LocalExecutor};
use frontend_pg::{Config, Tls};
use gateway::Engine;
use model::{CatalogMode, Executor};
use policy::PolicySet;
use runtime::{Clock, Tasks};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) use raw::{Message, Raw};
pub(crate) use script::{check, run, show};

/// `admin` may do everything, `jfk` reads flights from JFK, `nobody` has no grant. Passwords are the
/// names.
const POLICY: &str = r#"
[[role]]
name = "all"
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

const SET_UP: &str = "
    create table flights (id integer not null, origin varchar, dest varchar);
    insert into flights values (1, 'JFK', 'LAX'), (2, 'EWR', 'LAX'), (3, 'JFK', null);
    create table numbers as select i::integer as n, repeat('x', 100) as pad from range(200000) t(i);
    create table notes (id integer, text varchar);
";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Arc<Engine>,
    pub(crate) tasks: Tasks,
    door: Tasks,
    _folder: TempDir,
}

pub(crate) async fn serve(config: Config, tls: Option<Tls>) -> Server {
    serve_with(config, tls, "").await
}

/// A server whose policy has these rules too.
pub(crate) async fn serve_with(config: Config, tls: Option<Tls>, rules: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.duckdb");
    let file = path.clone();
    let create = move || {
        let instance = native::Instance::open(Some(&file), &[]).unwrap();
        let connection = instance.connect().unwrap();
        for statement in SET_UP.split(';').filter(|s| !s.trim().is_empty()) {
            connection.execute(statement).unwrap();
        }
    };
    tokio::task::spawn_blocking(create).await.unwrap();

    let tasks = Tasks::new("test");
    let pool = duck::Config {
        memory_limit_bytes: 256 << 20,
        threads: 2,
        temp_directory: folder.path().join("spill"),
        catalogs: vec![CatalogConfig {
            name: "lab".to_owned(),
            path,
            mode: CatalogMode::ReadWrite,
        }],
        ..duck::Config::default()
    };
    let executor = LocalExecutor::open(pool, &tasks.child("executor"))
        .await
        .unwrap();

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
    let door = tasks.child("pg");
    let serving = frontend_pg::serve(
        listener,
        config,
        Arc::clone(&engine),
        authenticator,
        tls,
        door.clone(),
    );
    door.spawn("accept", serving);
    Server {
        address,
        engine,
        tasks,
        door,
        _folder: folder,
    }
}

pub(crate) async fn server() -> Server {
    serve(Config::default(), None).await
}

impl Server {
    /// A client of the raw protocol that has logged in.
    pub(crate) async fn raw(&self, user: &str) -> Raw {
        let mut raw = self.stranger().await;
        raw.login(user, &[]).await;
        raw
    }

    /// A connection on which nothing was said.
    pub(crate) async fn stranger(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// A client of the driver.
    pub(crate) async fn client(&self, user: &str) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config
            .host(self.address.ip().to_string())
            .port(self.address.port());
        config.user(user).password(user).dbname("lab");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        self.tasks.spawn("client", async move {
            // Its end shows at the client.
            let _ended = connection.await;
        });
        client
    }

    /// Waits until the engine is at rest: no statement, and so many sessions.
    pub(crate) async fn until_idle(&self, sessions: usize) {
        let idle = || {
            let health = self.engine.health();
            let is_idle = health.active == 0
                && health.sessions == sessions
                && self.engine.statements().is_empty();
            is_idle.then_some(())
        };
        let waited = until(idle).await;
        let health = self.engine.health();
        assert!(
            waited.is_some(),
            "{health:?} {:?}",
            self.engine.statements()
        );
    }

    /// Asks the door to end.
    pub(crate) fn stop_door(&self) {
        self.door.shutdown();
    }

    pub(crate) async fn stop(self) {
        self.tasks.shutdown();
        let left = self.tasks.wait(Duration::from_secs(30)).await;
        assert_eq!(left, [""; 0]);
    }
}

/// Asks until there is an answer, for half a minute.
pub(crate) async fn until<T>(ask: impl Fn() -> Option<T>) -> Option<T> {
    let asking = async {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .ok()
}
