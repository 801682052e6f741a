//! A worker over one DuckDB in memory: real results, none of the real pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use model::{
    Catalog, CatalogMode, CatalogSnapshot, Column, Error, ExecKind, ExecRequest, ExecSession,
    Executor, Principal, Relation, RelationKind, RelationName, Result, ResultColumn, ResultSchema,
    ResultStream, Schema, SqlType, StatementId,
};
use native::{Connection, Instance, InterruptHandle};
use parking_lot::Mutex;
use tokio::sync::mpsc;

const SET_UP: &str = "
    attach ':memory:' as lab;
    create table lab.main.flights (id integer not null, origin varchar, dest varchar);
    insert into lab.main.flights values (1, 'JFK', 'LAX'), (2, 'EWR', 'LAX'), (3, 'JFK', null);
    create table lab.main.numbers (n integer, d decimal(12,2), seen timestamp with time zone);
    insert into lab.main.numbers select i, i / 100, timestamptz '2013-01-01 00:00:00+00' from range(5000) t(i);
";

struct Worker {
    instance: Instance,
    catalog: Mutex<Arc<CatalogSnapshot>>,
}

struct Place {
    worker: Arc<Worker>,
    /// The connection of the open transaction.
    transaction: Mutex<Option<Arc<Mutex<Connection>>>>,
    running: Arc<Mutex<BTreeMap<StatementId, InterruptHandle>>>,
}

pub fn open() -> Arc<dyn Executor> {
    let instance = Instance::open(None, &[("threads", "2")]).unwrap();
    let connection = instance.connect().unwrap();
    for statement in SET_UP.split_inclusive(';').filter(|s| s.contains(';')) {
        connection.execute(statement).unwrap();
    }
    let catalog = Mutex::new(catalog(&connection, 1));
    Arc::new(Face(Arc::new(Worker { instance, catalog })))
}

struct Face(Arc<Worker>);

#[async_trait]
impl Executor for Face {
    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.0.catalog.lock())
    }

    async fn open_session(&self, _: Arc<Principal>) -> Result<Arc<dyn ExecSession>> {
        Ok(Arc::new(Place {
            worker: Arc::clone(&self.0),
            transaction: Mutex::new(None),
            running: Arc::default(),
        }))
    }
}

fn failed(error: &native::Error) -> Error {
    tree::classify(error)
}

impl Place {
    fn connection(&self) -> Result<Arc<Mutex<Connection>>> {
        if let Some(open) = &*self.transaction.lock() {
            return Ok(Arc::clone(open));
        }
        let connection = self.worker.instance.connect();
        Ok(Arc::new(Mutex::new(connection.map_err(|e| failed(&e))?)))
    }

    async fn control(&self, sql: &'static str) -> Result<()> {
        let connection = self.connection()?;
        let run = move || connection.lock().execute(sql).map(drop);
        let done = tokio::task::spawn_blocking(run).await.unwrap();
        done.map_err(|e| failed(&e))
    }
}

type Start = tokio::sync::oneshot::Sender<Result<Arc<ResultSchema>>>;

/// Runs a request to its end, on a thread that may block.
fn run(
    worker: &Worker,
    connection: &Mutex<Connection>,
    request: &ExecRequest,
    start: Start,
    batches: &mpsc::Sender<Result<RecordBatch>>,
) {
    let connection = connection.lock();
    let begin = || -> Result<_> {
        let prepared = connection.prepare(request.sql()).map_err(|e| failed(&e))?;
        for (i, value) in request.params().iter().enumerate() {
            prepared.bind(i + 1, value).map_err(|e| failed(&e))?;
        }
        let mut stream = prepared.execute_streaming().map_err(|e| failed(&e))?;
        let schema = match (request.kind(), request.schema()) {
            (ExecKind::Write { .. }, _) => count_schema(),
            (_, Some(schema)) => Arc::clone(schema),
            (_, None) => {
                let columns = stream.columns().map_err(|e| failed(&e))?;
                let arrow = stream.schema().map_err(|e| failed(&e))?;
                Arc::new(native::result_schema(&columns, &arrow)?)
            }
        };
        Ok((prepared, stream, schema))
    };
    let (prepared, mut stream, schema) = match begin() {
        Ok(begun) => begun,
        Err(error) => {
            let _ = start.send(Err(error));
            return;
        }
    };
    if let ExecKind::Write {
        changes_catalog, ..
    } = request.kind()
    {
        let mut count = None;
        while let Ok(Some(batch)) = stream.next_batch() {
            count = batch
                .columns()
                .first()
                .and_then(|c| c.as_any().downcast_ref::<Int64Array>())
                .map(|c| c.value(0));
        }
        drop((stream, prepared));
        if *changes_catalog {
            let version = worker.catalog.lock().version + 1;
            *worker.catalog.lock() = catalog(&connection, version);
        }
        drop(connection);
        if let Some(count) = count {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![count]));
            let batch = RecordBatch::try_new(Arc::clone(&schema.arrow), vec![column]).unwrap();
            let _ = batches.blocking_send(Ok(batch));
        }
        let _ = start.send(Ok(schema));
        return;
    }
    let arrow: SchemaRef = Arc::clone(&schema.arrow);
    let _ = start.send(Ok(schema));
    loop {
        let batch = match stream.next_batch() {
            Ok(None) => return,
            Ok(Some(batch)) => native::conform(batch, &arrow).map_err(Error::internal),
            Err(error) => Err(failed(&error)),
        };
        if batches.blocking_send(batch).is_err() {
            return;
        }
    }
}

fn count_schema() -> Arc<ResultSchema> {
    Arc::new(ResultSchema {
        columns: vec![ResultColumn {
            name: "Count".to_owned(),
            sql_type: SqlType::BigInt,
        }],
        arrow: Arc::new(ArrowSchema::new(vec![Field::new(
            "Count",
            DataType::Int64,
            true,
        )])),
    })
}

#[async_trait]
impl ExecSession for Place {
    async fn execute(&self, request: ExecRequest) -> Result<ResultStream> {
        let (start, started) = tokio::sync::oneshot::channel();
        let (sender, receiver) = mpsc::channel(2);
        let connection = self.connection()?;
        let id = request.id();
        self.running
            .lock()
            .insert(id, connection.lock().interrupt_handle());
        let worker = Arc::clone(&self.worker);
        let running = Arc::clone(&self.running);
        tokio::task::spawn_blocking(move || {
            run(&worker, &connection, &request, start, &sender);
            running.lock().remove(&id);
        });
        let schema = started.await.unwrap()?;
        let batches = stream::unfold(receiver, |mut receiver| async move {
            Some((receiver.recv().await?, receiver))
        });
        Ok(ResultStream::new(schema, batches))
    }

    async fn ingest(
        &self,
        _: ExecRequest,
        _: BoxStream<'static, Result<RecordBatch>>,
    ) -> Result<u64> {
        Err(Error::not_supported("ingest"))
    }

    async fn begin(&self, _: bool) -> Result<()> {
        let connection = self.connection()?;
        *self.transaction.lock() = Some(connection);
        self.control("begin").await
    }

    async fn commit(&self) -> Result<()> {
        let done = self.control("commit").await;
        *self.transaction.lock() = None;
        done
    }

    async fn rollback(&self) -> Result<()> {
        let done = self.control("rollback").await;
        *self.transaction.lock() = None;
        done
    }

    fn catalog(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.worker.catalog.lock())
    }

    fn cancel(&self, id: StatementId) {
        if let Some(running) = self.running.lock().get(&id) {
            running.interrupt();
        }
    }

    fn progress(&self, _: StatementId) -> Option<f64> {
        None
    }

    async fn close(&self) {
        for running in self.running.lock().values() {
            running.interrupt();
        }
        *self.transaction.lock() = None;
    }
}

/// What `lab` holds. Types other than those used here become VARCHAR.
pub fn catalog(connection: &Connection, version: u64) -> Arc<CatalogSnapshot> {
    let rows = connection
        .query(
            "select table_name, column_name, data_type, is_nullable from duckdb_columns() \
             where database_name = 'lab' and schema_name = 'main' order by table_oid, column_index",
        )
        .unwrap();
    let mut relations: BTreeMap<String, Relation> = BTreeMap::new();
    for row in rows.into_rows() {
        let [Some(table), Some(column), Some(data_type), Some(nullable)] = &row[..] else {
            panic!("{row:?}")
        };
        let relation = relations.entry(table.clone()).or_insert_with(|| Relation {
            name: RelationName::new("lab", "main", table.clone()),
            kind: RelationKind::Table,
            columns: Vec::new(),
        });
        relation.columns.push(Column {
            name: column.clone(),
            sql_type: match data_type.as_str() {
                "INTEGER" => SqlType::Integer,
                "BIGINT" => SqlType::BigInt,
                "DECIMAL(12,2)" => SqlType::Decimal {
                    width: 12,
                    scale: 2,
                },
                "TIMESTAMP WITH TIME ZONE" => SqlType::TimestampTz,
                "DATE" => SqlType::Date,
                _ => SqlType::Varchar,
            },
            nullable: nullable == "true",
        });
    }
    let main = Schema {
        name: "main".to_owned(),
        relations,
    };
    let lab = Catalog {
        name: "lab".to_owned(),
        mode: CatalogMode::ReadWrite,
        schemas: BTreeMap::from([("main".to_owned(), main)]),
    };
    Arc::new(CatalogSnapshot {
        version,
        catalogs: BTreeMap::from([("lab".to_owned(), lab)]),
    })
}
