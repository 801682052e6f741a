//! An executor over catalogs made for one test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use duck::{CatalogConfig, Config, LocalExecutor};
use futures::{Stream, StreamExt};
use model::{
    CatalogMode, ExecKind, ExecRequest, ExecSession, Executor, Expected, ParamValue, Principal,
    RelationName, RequestParts, Result, ResultStream, SpillLimit, StatementId,
};
use runtime::Tasks;
use tempfile::TempDir;

/// An executor with a read_write catalog `w` (table `t`: i BIGINT 0..1000, s VARCHAR), a read_only
/// catalog `r` (table `one`) and a folder catalog `f` (table `p`: 100 rows; `parts`: two files).
pub struct Fixture {
    pub executor: Arc<LocalExecutor>,
    pub tasks: Tasks,
    pub folder: TempDir,
}

pub fn config(folder: &Path) -> Config {
    let catalog = |name: &str, path: &str, mode| CatalogConfig {
        name: name.to_owned(),
        path: folder.join(path),
        mode,
    };
    Config {
        threads: 2,
        step_threads: 4,
        memory_limit_bytes: 512 << 20,
        temp_directory: folder.join("spill"),
        catalogs: vec![
            catalog("w", "w.db", CatalogMode::ReadWrite),
            catalog("r", "r.db", CatalogMode::ReadOnly),
            catalog("f", "f", CatalogMode::ReadOnly),
        ],
        ..Config::default()
    }
}

/// Writes the files of [`Fixture`].
pub fn data(folder: &Path) {
    let run = |file: Option<&str>, sql: &str| {
        let path = file.map(|f| folder.join(f));
        let instance = native::Instance::open(path.as_deref(), &[]).unwrap();
        instance.connect().unwrap().execute(sql).unwrap();
    };
    run(
        Some("w.db"),
        "create table t as select range as i, 'row ' || range as s from range(1000); create view v as from t",
    );
    run(Some("r.db"), "create table one as select 1 as a");
    std::fs::create_dir_all(folder.join("f/parts")).unwrap();
    let f = folder.join("f").display().to_string();
    run(
        None,
        &format!(
            "copy (select range as i from range(100)) to '{f}/p.parquet';
             copy (select 1 as i) to '{f}/parts/1.parquet'; copy (select 2 as i) to '{f}/parts/2.parquet'"
        ),
    );
}

pub async fn fixture() -> Fixture {
    fixture_with(|_| {}).await
}

pub async fn fixture_with(change: impl FnOnce(&mut Config)) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let mut config = config(folder.path());
    change(&mut config);
    let tasks = Tasks::new("test");
    let executor = LocalExecutor::open(config, &tasks).await.unwrap();
    Fixture {
        executor,
        tasks,
        folder,
    }
}

impl Fixture {
    pub async fn session(&self) -> Arc<dyn ExecSession> {
        self.executor.open_session(principal()).await.unwrap()
    }
}

pub fn principal() -> Arc<Principal> {
    Arc::new(Principal {
        name: "p".to_owned(),
        roles: Default::default(),
        attributes: Default::default(),
        admin: false,
    })
}

/// A request as policy would seal it.
pub struct Request(pub RequestParts);

pub fn query(sql: &str, relations: &[&str], functions: &[&str]) -> Request {
    Request(RequestParts {
        id: StatementId::new(),
        principal: principal(),
        kind: ExecKind::Query,
        sql: sql.into(),
        query: Some(sql.into()),
        on_conflict: None,
        returning: None,
        params: Vec::new(),
        expected: Arc::new(Expected {
            relations: relations.iter().map(|name| relation(name)).collect(),
            functions: functions.iter().map(|f| (*f).to_owned()).collect(),
            ..Expected::default()
        }),
        schema: None,
        governed: false,
        positions: Default::default(),
        catalog_version: 0,
        time_zone: "UTC".into(),
        deadline: None,
        spill: None,
    })
}

pub fn write(sql: &str, query_part: Option<&str>, target: &str, changes_catalog: bool) -> Request {
    let mut request = query(sql, &[], &[]);
    request.0.query = query_part.map(Into::into);
    request.0.kind = ExecKind::Write {
        target: relation(target),
        changes_catalog,
    };
    request
}

pub fn create(table: &str, columns: &str) -> Request {
    write(
        &format!("create table {table} ({columns})"),
        None,
        table,
        true,
    )
}

pub fn insert(table: &str, select: &str) -> Request {
    write(
        &format!("insert into {table} {select}"),
        Some(select),
        table,
        false,
    )
}

impl Request {
    pub fn reads(mut self, relations: &[&str], functions: &[&str]) -> Self {
        let request = query("", relations, functions);
        self.0.expected = request.0.expected;
        self
    }

    pub fn params(mut self, params: Vec<ParamValue>) -> Self {
        self.0.params = params;
        self
    }

    pub fn governed(mut self) -> Self {
        self.0.governed = true;
        self
    }

    pub fn zone(mut self, zone: &str) -> Self {
        self.0.time_zone = zone.into();
        self
    }

    pub fn within(mut self, time: Duration) -> Self {
        self.0.deadline = Some(Instant::now() + time);
        self
    }

    pub fn spilling_at_most(mut self, bytes: u64, by: &str) -> Self {
        let by = by.into();
        self.0.spill = Some(SpillLimit { bytes, by });
        self
    }

    pub fn id(&self) -> StatementId {
        self.0.id
    }

    pub fn seal(self) -> ExecRequest {
        #[expect(
            clippy::disallowed_methods,
            reason = "stands for policy in tests of the worker"
        )]
        ExecRequest::seal(self.0)
    }
}

pub fn relation(name: &str) -> RelationName {
    let parts: Vec<_> = name.split('.').collect();
    RelationName::new(parts[0], parts[1], parts[2])
}

pub async fn run(session: &Arc<dyn ExecSession>, request: Request) -> Result<Vec<RecordBatch>> {
    rest(session.execute(request.seal()).await?).await
}

pub async fn rest(
    stream: impl Stream<Item = Result<RecordBatch>> + Unpin,
) -> Result<Vec<RecordBatch>> {
    let batches: Vec<_> = stream.collect().await;
    batches.into_iter().collect()
}

/// The first value of a result as a number.
pub async fn number(session: &Arc<dyn ExecSession>, request: Request) -> Result<i64> {
    let batches = run(session, request).await?;
    Ok(batches[0].column(0).as_primitive::<Int64Type>().value(0))
}

pub fn count(table: &str) -> Request {
    query(
        &format!("select count(*) from {table}"),
        &[table],
        &["count_star"],
    )
}

/// A result of many rows, that takes long if read to its end.
pub fn long() -> Request {
    query(
        "select range as i, repeat('x', 100) as s from range(100000000)",
        &[],
        &["range", "repeat"],
    )
}

/// A statement whose first row takes minutes.
pub fn slow() -> Request {
    query(
        "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 7",
        &[],
        &["count_star", "range", "+"],
    )
}

/// One value of a scalar function, for seconds: DuckDB looks at no interrupt while it makes it.
pub fn deaf() -> Request {
    query(
        "select levenshtein(repeat('ab', 30000), repeat('ba', 30000)) as n",
        &[],
        &["levenshtein", "repeat"],
    )
}

pub fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

pub async fn first(stream: &mut ResultStream) -> RecordBatch {
    stream.next().await.unwrap().unwrap()
}

/// Waits for a condition that another thread brings about, at most ten seconds.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
