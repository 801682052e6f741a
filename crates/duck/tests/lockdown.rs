//! What an instance refuses: at opening, at the second reading, and once locked.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use common::*;
use duck::{CatalogConfig, LocalExecutor};
use model::{CatalogMode, ErrorKind, ExecKind, Executor, ResultSchema, SqlType};
use runtime::Tasks;

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_names_something_else_is_refused() {
    let f = fixture().await;
    let session = f.session().await;
    let cases = [
        // Another table, another function, none, one too many.
        query("select a from r.main.one", &["w.main.t"], &[]),
        query("select lower(s) from w.main.t", &["w.main.t"], &["upper"]),
        query("select 1", &["w.main.t"], &[]),
        query("select 1 from w.main.t, r.main.one", &["w.main.t"], &[]),
        // A view reads what it hides.
        {
            let mut request = query("select * from w.main.v", &["w.main.v"], &[]);
            request.0.catalog_version = f.executor.catalog().version;
            request
        },
        // Names that are not complete, other statements, several.
        query("select * from t", &["w.main.t"], &[]),
        query("select * from w.t", &["w.main.t"], &[]),
        query("select 1; select 2", &[], &[]),
        query("drop table w.main.t", &[], &[]),
        query("set threads = 1", &[], &[]),
        // A write under the seal of another kind.
        write("drop table w.main.t", None, "w.main.t", false),
        write("delete from w.main.t", None, "w.main.t", false),
        // The target written is not the sealed one, or something follows the query.
        insert("w.main.t", "select 1, 'x' returning i").reads(&[], &[]),
        {
            let mut request = insert("w.main.t", "select 1, 'x'");
            request.0.kind = ExecKind::Write {
                target: relation("w.main.other"),
                changes_catalog: false,
            };
            request
        },
        write(
            "insert into w.main.t select 1, 'x' on conflict do nothing",
            Some("select 1, 'x'"),
            "w.main.t",
            false,
        ),
        write("drop table w.main.t cascade", None, "w.main.t", true),
        write(
            "create view w.main.n as select 1 as a",
            Some("select 1"),
            "w.main.n",
            true,
        ),
        write("create view w.main.n (a)", None, "w.main.n", true),
        write("create temp table n (a int)", None, "w.main.n", true),
        // The query that was read is not the one that runs.
        {
            let mut request = query("select a from r.main.one", &[], &[]);
            request.0.query = Some("select 1".into());
            request
        },
    ];
    for request in cases {
        let sql = request.0.sql.clone();
        let error = run(&session, request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{sql}");
        assert_eq!(error.message(), "internal error");
    }
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_other_than_described_is_refused() {
    let f = fixture().await;
    let session = f.session().await;
    let described = session
        .execute(query("select 1::integer as a", &[], &[]).seal())
        .await
        .unwrap();
    let schema = Arc::clone(described.schema());
    let mut request = query("select 1::bigint as a", &[], &[]);
    request.0.schema = Some(Arc::clone(&schema));
    assert_eq!(
        run(&session, request).await.unwrap_err().kind(),
        ErrorKind::Internal
    );
    // Names are the described ones, whatever the worker's text says.
    let mut request = query("select 2::integer as hidden_name", &[], &[]);
    request.0.schema = Some(Arc::clone(&schema));
    let batches = run(&session, request).await.unwrap();
    assert_eq!(batches[0].schema().field(0).name(), "a");
    let renamed = ResultSchema {
        columns: vec![model::ResultColumn {
            name: "a".into(),
            sql_type: SqlType::Json,
        }],
        arrow: Arc::clone(&schema.arrow),
    };
    let mut request = query("select 2::integer as a", &[], &[]);
    request.0.schema = Some(Arc::new(renamed));
    assert_eq!(
        run(&session, request).await.unwrap_err().kind(),
        ErrorKind::Internal
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn types_without_a_faithful_form_are_refused_by_column() {
    let f = fixture().await;
    let session = f.session().await;
    for sql in ["select 1::uhugeint as big", "select 1::variant as big"] {
        let error = run(&session, query(sql, &[], &[])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported, "{sql}");
        assert!(error.message().contains("\"big\""), "{error}");
    }
}

async fn open_error(change: impl FnOnce(&std::path::Path, &mut duck::Config)) -> model::Error {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let mut config = config(folder.path());
    change(folder.path(), &mut config);
    LocalExecutor::open(config, &Tasks::new("test"))
        .await
        .err()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_paths_are_named() {
    let missing = open_error(|_, c| c.catalogs[1].path = "/no/such/file.db".into()).await;
    assert_eq!(missing.kind(), ErrorKind::Config);
    assert!(missing.message().contains("/no/such/file.db"), "{missing}");
    let broken =
        open_error(|f, _| std::fs::write(f.join("r.db"), "not a database at all").unwrap()).await;
    assert!(broken.message().contains("r.db"), "{broken}");
    let parquet = open_error(|f, _| std::fs::write(f.join("f/bad.parquet"), "no").unwrap()).await;
    assert!(parquet.message().contains("/f"), "{parquet}");
    let folder = open_error(|_, c| c.catalogs[2].mode = CatalogMode::ReadWrite).await;
    assert!(folder.message().contains("read_write"), "{folder}");
    let twice = open_error(|_, c| {
        let path = c.catalogs[0].path.clone();
        c.catalogs.push(CatalogConfig {
            name: "again".into(),
            path,
            mode: CatalogMode::ReadWrite,
        });
    })
    .await;
    assert!(twice.message().contains("open already"), "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_read_write_file_is_made() {
    let f = fixture_with(|c| c.catalogs[0].path.set_file_name("new.db")).await;
    let session = f.session().await;
    run(&session, create("w.main.n", "a integer"))
        .await
        .unwrap();
    assert!(f.folder.path().join("new.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_capture_names_are_refused() {
    let run = |path: std::path::PathBuf, sql: &str| {
        let instance = native::Instance::open(Some(&path), &[]).unwrap();
        instance.connect().unwrap().execute(sql).unwrap();
    };
    let schema = open_error(|f, _| run(f.join("r.db"), "create schema Recurring")).await;
    assert!(schema.message().contains("Recurring"), "{schema}");
    let lower = open_error(|f, _| run(f.join("r.db"), "create macro lower(x) as upper(x)")).await;
    assert!(lower.message().contains("lower"), "{lower}");
    let plus = open_error(|f, _| run(f.join("w.db"), "create macro \"+\"(a, b) as a - b")).await;
    assert!(plus.message().contains('+'), "{plus}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fatal_error_the_files_are_opened_again() {
    let f = fixture().await;
    let (session, bystander) = (f.session().await, f.session().await);
    run(&session, insert("w.main.t", "select 5, 'x'"))
        .await
        .unwrap();
    let mut stream = bystander.execute(long().seal()).await.unwrap();
    first(&mut stream).await;
    let waiting = f.session().await;
    waiting.begin(false).await.unwrap();
    // A defect of DuckDB 1.5.5 that ends the instance; see native's test of it.
    let fatal = query("select typeof($1), $1::varchar", &[], &["typeof"])
        .params(vec![model::ParamValue::Varchar("x".into())]);
    let error = run(&session, fatal).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Internal | ErrorKind::Shutdown),
        "{error:?}"
    );
    assert_eq!(rest(stream).await.unwrap_err().kind(), ErrorKind::Shutdown);
    eventually("the instance is open again", || f.executor.is_ready()).await;
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1001);
    // The open transaction is lost, and its session goes on after a rollback.
    assert_eq!(
        run(&waiting, count("w.main.t")).await.unwrap_err().kind(),
        ErrorKind::Shutdown
    );
    waiting.rollback().await.unwrap();
    assert_eq!(number(&waiting, count("w.main.t")).await.unwrap(), 1001);
    assert!(f.executor.catalog().relation("w", "main", "t").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_needs_its_own_seal() {
    let f = fixture().await;
    let session = f.session().await;
    let mut request = insert("w.main.t", "select 1, 'x'");
    request.0.kind = ExecKind::Query;
    assert_eq!(
        run(&session, request).await.unwrap_err().kind(),
        ErrorKind::Internal
    );
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}
