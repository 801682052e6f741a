//! A worker that answers as it is told, and an engine before it.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a failed unwrap fails the test; shared by tests, none of which uses all of it"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema as ArrowSchema};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use gateway::{Config, Done, Door, Engine, Outcome, Rows, Session};
use model::{
    Catalog, CatalogMode, CatalogSnapshot, Column, Error, ErrorKind, ExecKind, ExecRequest,
    ExecSession, Executor, Principal, Relation, RelationKind, RelationName, Result, ResultColumn,
    ResultSchema, ResultStream, Schema, SqlType, StatementId,
};
use parking_lot::Mutex;
use policy::PolicySet;
use runtime::Tasks;
use tokio::sync::Notify;
use tree::Parser;

/// What the worker does with the next statements.
#[derive(Clone)]
pub enum Behaviour {
    /// Gives so many batches of one row, or reports so many rows written.
    Answer(usize),
    /// Gives a batch, and then nothing until it is cancelled.
    Stall,
    /// Gives nothing until it is cancelled.
    Hang,
    /// Fails.
    Fail(ErrorKind),
    /// Gives a batch, then fails.
    FailLater(ErrorKind),
}

/// What happened on the worker, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Execute(String),
    Begin { read_only: bool },
    Commit,
    Rollback,
    Close,
}

pub struct Worker {
    pub behaviour: Mutex<Behaviour>,
    pub events: Mutex<Vec<Event>>,
    pub happened: Notify,
    pub catalog: Mutex<Arc<CatalogSnapshot>>,
    cancelled: Mutex<Vec<StatementId>>,
    cancel: Notify,
}

/// One session on a [`Worker`].
struct Place(Arc<Worker>);

/// The executor's face of a [`Worker`].
struct Face(Arc<Worker>);

impl Worker {
    pub fn tell(&self, behaviour: Behaviour) {
        *self.behaviour.lock() = behaviour;
    }

    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock())
    }

    /// Waits until that has happened.
    pub async fn until(&self, event: &Event) {
        let wait = async {
            loop {
                let happened = self.happened.notified();
                if self.events.lock().contains(event) {
                    return;
                }
                happened.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap();
    }

    fn note(&self, event: Event) {
        self.events.lock().push(event);
        self.happened.notify_waiters();
    }

    async fn until_cancelled(self: Arc<Self>, id: StatementId) -> Error {
        loop {
            let cancel = self.cancel.notified();
            if self.cancelled.lock().contains(&id) {
                return Error::new(ErrorKind::QueryCanceled, "interrupted");
            }
            cancel.await;
        }
    }
}

#[async_trait]
impl Executor for Face {
    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.0.catalog.lock())
    }

    async fn open_session(&self, _: Arc<Principal>) -> Result<Arc<dyn ExecSession>> {
        Ok(Arc::new(Place(Arc::clone(&self.0))))
    }
}

#[async_trait]
impl ExecSession for Place {
    async fn execute(&self, request: ExecRequest) -> Result<ResultStream> {
        self.0.note(Event::Execute(request.sql().to_string()));
        let behaviour = self.0.behaviour.lock().clone();
        if let Behaviour::Hang = behaviour {
            return Err(Arc::clone(&self.0).until_cancelled(request.id()).await);
        }
        if let (ExecKind::Write { .. }, Behaviour::Answer(rows)) = (request.kind(), &behaviour) {
            let rows = i64::try_from(*rows).unwrap();
            let count: ArrayRef = Arc::new(Int64Array::from(vec![rows]));
            let batch = batch("count", DataType::Int64, count);
            let schema = schema("count", SqlType::BigInt, &batch);
            return Ok(ResultStream::new(schema, stream::iter([Ok(batch)])));
        }
        let name = &request.schema().unwrap().columns[0].name;
        let row = batch(name, DataType::Int32, Arc::new(Int32Array::from(vec![1])));
        let schema = schema(name, SqlType::Integer, &row);
        let worker = Arc::clone(&self.0);
        let one = stream::iter([Ok(row.clone())]);
        let batches: BoxStream<'static, Result<RecordBatch>> = match behaviour {
            Behaviour::Answer(n) => stream::iter(vec![Ok(row); n]).boxed(),
            Behaviour::Fail(kind) => return Err(Error::new(kind, "as told")),
            Behaviour::FailLater(kind) => one
                .chain(stream::iter([Err(Error::new(kind, "as told"))]))
                .boxed(),
            Behaviour::Stall | Behaviour::Hang => one
                .chain(stream::once(worker.until_cancelled(request.id()).map(Err)))
                .boxed(),
        };
        Ok(ResultStream::new(schema, batches))
    }

    async fn ingest(
        &self,
        _: ExecRequest,
        _: BoxStream<'static, Result<RecordBatch>>,
    ) -> Result<u64> {
        Err(Error::not_supported("ingest"))
    }

    async fn discard_temporary(&self) -> Result<()> {
        Ok(())
    }

    async fn begin(&self, read_only: bool) -> Result<()> {
        self.0.note(Event::Begin { read_only });
        Ok(())
    }

    async fn commit(&self) -> Result<()> {
        self.0.note(Event::Commit);
        Ok(())
    }

    async fn rollback(&self) -> Result<()> {
        self.0.note(Event::Rollback);
        Ok(())
    }

    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.0.catalog.lock())
    }

    fn cancel(&self, id: StatementId) {
        self.0.cancelled.lock().push(id);
        self.0.cancel.notify_waiters();
    }

    fn progress(&self, _: StatementId) -> Option<f64> {
        None
    }

    async fn close(&self) {
        self.0.note(Event::Close);
    }
}

fn batch(name: &str, data_type: DataType, values: ArrayRef) -> RecordBatch {
    let schema = ArrowSchema::new(vec![Field::new(name, data_type, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![values]).unwrap()
}

fn schema(name: &str, sql_type: SqlType, batch: &RecordBatch) -> Arc<ResultSchema> {
    Arc::new(ResultSchema {
        columns: vec![ResultColumn {
            name: name.to_owned(),
            sql_type,
        }],
        arrow: batch.schema(),
    })
}

/// A catalog `home` with `main.t (a INTEGER, b VARCHAR)` and `main.u (a INTEGER)`.
fn catalog(version: u64) -> Arc<CatalogSnapshot> {
    let column = |name: &str, sql_type| Column {
        name: name.to_owned(),
        sql_type,
        nullable: true,
    };
    let relation = |name: &str, columns| Relation {
        name: RelationName::new("home", "main", name),
        kind: RelationKind::Table,
        definition: None,
        columns,
        constraints: vec![],
    };
    let t = vec![column("a", SqlType::Integer), column("b", SqlType::Varchar)];
    let u = vec![column("a", SqlType::Integer)];
    let main = Schema {
        name: "main".to_owned(),
        relations: BTreeMap::from([
            ("t".to_owned(), relation("t", t)),
            ("u".to_owned(), relation("u", u)),
        ]),
        ..Schema::default()
    };
    let home = Catalog {
        name: "home".to_owned(),
        mode: CatalogMode::ReadWrite,
        schemas: BTreeMap::from([("main".to_owned(), main)]),
    };
    Arc::new(CatalogSnapshot {
        version,
        catalogs: BTreeMap::from([("home".to_owned(), home)]),
        shared: None,
    })
}

/// `ann` and `bob` may do everything to `t`; `ann` sees `u` too, and is an administrator.
pub const POLICY: &str = r#"
[[role]]
name = "desk"
[[role]]
name = "boss"
admin = true
[[principal]]
name = "ann"
verifier = "VERIFIER"
roles = ["desk", "boss"]
[[principal]]
name = "bob"
verifier = "VERIFIER"
roles = ["desk"]
[[grant]]
role = "desk"
on = "home.main.t"
privileges = ["select", "insert"]
[[grant]]
role = "boss"
on = "home.main.*"
privileges = ["select", "insert", "create", "drop"]
"#;

const VERIFIER: &str = "SCRAM-SHA-256$4096:Gxw03gYPxAW8tVEPJakrEQ==$WZjEiFuQsUS+6IBscIi9pTzjWXF7CrXT7kgRL2IZ5l8=:7dIL5WuDxy4A1e/y5epnKSaWcGDjq2pHa/Rad2vLwrY=";

pub fn policy(text: &str) -> Arc<PolicySet> {
    let text = text.replace("VERIFIER", VERIFIER);
    let parser = Parser::open().unwrap();
    let set = PolicySet::from_text(Path::new("policy.toml"), &text, &catalog(1), &parser);
    Arc::new(set.unwrap())
}

pub struct Fixture {
    pub worker: Arc<Worker>,
    pub engine: Arc<Engine>,
    pub tasks: Tasks,
}

/// An engine with small limits before a worker that answers every statement with one batch.
pub fn fixture(change: impl FnOnce(&mut Config)) -> Fixture {
    let worker = Arc::new(Worker {
        behaviour: Mutex::new(Behaviour::Answer(1)),
        events: Mutex::default(),
        happened: Notify::new(),
        catalog: Mutex::new(catalog(1)),
        cancelled: Mutex::default(),
        cancel: Notify::new(),
    });
    let mut config = Config {
        default_catalog: "home".to_owned(),
        planner_threads: 1,
        ..Config::default()
    };
    change(&mut config);
    let tasks = Tasks::new("test");
    let executor = Arc::new(Face(Arc::clone(&worker)));
    let engine = Engine::start(config, executor, policy(POLICY), None, tasks.clone()).unwrap();
    Fixture {
        worker,
        engine,
        tasks,
    }
}

impl Fixture {
    pub async fn session(&self, principal: &str) -> Arc<Session> {
        self.open(principal, None).await.unwrap()
    }

    pub async fn open(&self, principal: &str, database: Option<&str>) -> Result<Arc<Session>> {
        let peer = "127.0.0.1:4321".parse().unwrap();
        self.engine
            .open_session(principal, Door::Pg, peer, database)
            .await
    }

    /// A catalog of the same content with another version.
    pub fn move_catalog(&self, version: u64) {
        *self.worker.catalog.lock() = catalog(version);
    }
}

/// Prepares and executes.
pub async fn run(session: &Session, sql: &str) -> Result<Outcome> {
    let prepared = session.prepare(sql, &[]).await?;
    session.execute(&prepared, Vec::new()).await
}

pub async fn rows(session: &Session, sql: &str) -> Result<Rows> {
    match run(session, sql).await? {
        Outcome::Rows(rows) => Ok(rows),
        Outcome::Done(done) => panic!("{sql} gave {done:?}"),
    }
}

pub async fn done(session: &Session, sql: &str) -> Result<Done> {
    match run(session, sql).await? {
        Outcome::Done(done) => Ok(done),
        Outcome::Rows(_) => panic!("{sql} gave rows"),
    }
}

/// Runs a query to its end and returns the count of its rows.
pub async fn count(session: &Session, sql: &str) -> Result<usize> {
    let mut stream = rows(session, sql).await?.stream;
    let mut count = 0;
    while let Some(batch) = stream.next().await {
        count += batch?.num_rows();
    }
    Ok(count)
}

/// The kind of error that a statement gives.
pub async fn refused(session: &Session, sql: &str) -> ErrorKind {
    match run(session, sql).await {
        Ok(outcome) => panic!("{sql} gave {outcome:?}"),
        Err(error) => error.kind(),
    }
}
