//! Writes that find their rows by a query, give rows back, and are checked row by row.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use common::*;
use model::{Constraint, ConstraintKind, ErrorKind, ExecSession, Executor, Returning};

/// Rows of `w.main.t` with `i` below a bound, by their numbers, and `i + 1000`.
fn rows_below(bound: i64) -> String {
    format!(
        "SELECT (q.i + 1000) AS __eider_v1, q.rowid AS __eider_rid FROM w.main.t AS q WHERE (q.i < {bound})"
    )
}

fn update(bound: i64) -> Request {
    let rows = rows_below(bound);
    let sql = format!(
        "update w.main.t as __eider set \"i\" = __eider_s.__eider_v1 from ({rows}) as __eider_s \
         where __eider.rowid = __eider_s.__eider_rid"
    );
    write(&sql, Some(&rows), "w.main.t", false).reads(&["w.main.t"], &["+"])
}

fn delete(bound: i64) -> Request {
    let rows = format!("SELECT q.rowid AS __eider_rid FROM w.main.t AS q WHERE (q.i < {bound})");
    let sql = format!("delete from w.main.t as __eider where __eider.rowid in ({rows})");
    write(&sql, Some(&rows), "w.main.t", false).reads(&["w.main.t"], &[])
}

fn returning(mut request: Request, list: &str, functions: &[&str], checked: bool) -> Request {
    request.0.sql = format!("{} returning {list}", request.0.sql).into();
    let mut expected = request.0.expected.as_ref().clone();
    expected
        .functions
        .extend(functions.iter().map(|f| (*f).to_owned()));
    request.0.expected = Arc::new(expected);
    request.0.returning = Some(Returning {
        list: list.into(),
        most: (None, None),
        checked,
    });
    request
}

async fn described(session: &Arc<dyn ExecSession>, sql: &str) -> Arc<model::ResultSchema> {
    let stream = session.execute(query(sql, &[], &[]).seal()).await.unwrap();
    Arc::clone(stream.schema())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_changed_by_their_numbers() {
    let f = fixture().await;
    let session = f.session().await;
    assert_eq!(number(&session, update(10)).await.unwrap(), 10);
    assert_eq!(number(&session, delete(20)).await.unwrap(), 10);
    let truncate = || write("truncate w.main.t", None, "w.main.t", false);
    assert_eq!(number(&session, truncate()).await.unwrap(), 990);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_given_back_after_the_write() {
    let f = fixture().await;
    let session = f.session().await;
    let schema = described(&session, "select 1::bigint as n, 'x' as s").await;
    let mut request = returning(
        update(3),
        "(__eider.i * 2), __eider.s, (__eider.i > 5)",
        &["*"],
        true,
    );
    request.0.schema = Some(Arc::clone(&schema));
    let stream = session.execute(request.seal()).await.unwrap();
    // It is committed by now: another session sees it before a row is read.
    let other = f.session().await;
    let changed = query(
        "select count(*) from w.main.t where (i >= 1000)",
        &["w.main.t"],
        &["count_star"],
    );
    assert_eq!(number(&other, changed).await.unwrap(), 3);
    let batches = rest(stream).await.unwrap();
    let mut found: Vec<i64> = batches
        .iter()
        .flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    found.sort_unstable();
    assert_eq!(found, [2000, 2002, 2004]);
    assert_eq!(batches[0].schema(), schema.arrow);
    let mut nothing = returning(delete(0), "__eider.i, __eider.s", &[], false);
    nothing.0.schema = Some(schema);
    assert_eq!(rows(&run(&session, nothing).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_may_not_be_written_takes_all_back() {
    let f = fixture().await;
    let session = f.session().await;
    for check in [
        "(__eider.i <> 1005)",
        "nullif((__eider.i > 0), (__eider.i = 1005))",
    ] {
        let refused = || {
            returning(
                update(10),
                check,
                &["nullif"][..usize::from(check.starts_with('n'))],
                true,
            )
        };
        let error = run(&session, refused()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{check}");
        assert_eq!(number(&session, delete_nothing()).await.unwrap(), 0);
        // In a transaction what was done before is lost too: there is no way to keep it.
        session.begin(false).await.unwrap();
        number(&session, delete(2)).await.unwrap();
        run(&session, refused()).await.unwrap_err();
        session.commit().await.unwrap_err();
        let changed = query(
            "select count(*) from w.main.t where (i < 1000)",
            &["w.main.t"],
            &["count_star"],
        );
        assert_eq!(number(&session, changed).await.unwrap(), 1000);
    }
    let allowed = returning(update(10), "(__eider.i >= 1000)", &[], true);
    assert_eq!(number(&session, allowed).await.unwrap(), 10);
}

fn delete_nothing() -> Request {
    delete(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_not_the_sealed_form_is_refused() {
    let f = fixture().await;
    let session = f.session().await;
    let changed = |mut request: Request, from: &str, to: &str| {
        let sql = request.0.sql.replace(from, to);
        assert_ne!(sql, *request.0.sql);
        request.0.sql = sql.into();
        request
    };
    for request in [
        changed(
            update(3),
            "__eider_s.__eider_rid",
            "__eider_s.__eider_rid or true",
        ),
        changed(update(3), "__eider_s.__eider_v1 from", "1 from"),
        changed(update(3), "(q.i < 3)", "(q.i < 4)"),
        changed(delete(3), " in (", " not in ("),
        changed(
            delete(3),
            "w.main.t as __eider where",
            "w.main.other as __eider where",
        ),
        changed(delete(3), "delete from", "truncate"),
        returning(delete(3), "__eider.i", &["+"], false),
        returning(delete(3), "(__eider.i + 1)", &[], false),
        // What is given back was not described, or the check is none.
        returning(delete(3), "__eider.i", &[], false),
        returning(delete(3), "__eider.i", &[], true),
        {
            let mut request = delete(3);
            request.0.sql = format!("{} returning __eider.i", request.0.sql).into();
            request
        },
    ] {
        let sql = Arc::clone(&request.0.sql);
        let error = run(&session, request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{sql}");
    }
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_has_the_constraints_that_a_write_can_meet() {
    let f = fixture_with(|config| {
        let path = &config.catalogs[0].path;
        let instance = native::Instance::open(Some(path), &[]).unwrap();
        let connection = instance.connect().unwrap();
        connection
            .execute(
                "create table a (x integer, y integer, z integer not null, primary key (x, y), unique (z), check (x < z));
                 create table b (p integer, q integer, foreign key (q, p) references a (x, y));
                 create table c (m integer, n integer); create unique index c_index on c ((m + n));
                 create table g (\"o p\" integer default 7, q integer, s varchar default 'q', r integer generated always as (\"o p\" + q),
                 v integer[] generated always as ([r, \"O P\"]));
                 create table d (a integer, e date default current_date, t timestamp default current_timestamp,
                 u varchar default current_user, n integer default (1 + 2));
                 create table e (current_date date, a integer, d date default current_date, g date generated always as (current_date));
                 create table p (a integer, b integer, c varchar, d date default current_date, g generated always as ((a, b)), h generated always as (b + #1),
                 i varchar generated always as (c.lower()))",
            )
            .unwrap();
    })
    .await;
    let catalog = f.executor.catalog();
    let constraints = |table: &str| {
        let mut found = catalog
            .relation("w", "main", table)
            .unwrap()
            .constraints
            .clone();
        found.sort_by_key(|c| format!("{c:?}"));
        found
    };
    let constraint = |kind, columns: &[&str]| Constraint {
        kind,
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    };
    assert_eq!(
        constraints("a"),
        [
            constraint(ConstraintKind::Check, &["x", "z"]),
            constraint(
                ConstraintKind::ReferencedBy(relation("w.main.b")),
                &["x", "y"]
            ),
            constraint(ConstraintKind::Unique, &["x", "y"]),
            constraint(ConstraintKind::Unique, &["z"]),
        ]
    );
    let references = ConstraintKind::References(relation("w.main.a"));
    assert_eq!(constraints("b"), [constraint(references, &["q", "p"])]);
    assert_eq!(
        constraints("c"),
        [constraint(ConstraintKind::UniqueIndex, &["m", "n"])]
    );
    assert_eq!(
        constraints("g"),
        [
            constraint(ConstraintKind::Generated, &["r", "o p", "q"]),
            constraint(ConstraintKind::Generated, &["v", "r", "O P"]),
        ]
    );
    // A default is none, whatever its text looks like.
    assert_eq!(constraints("d"), []);
    assert_eq!(
        constraints("e"),
        [constraint(
            ConstraintKind::Generated,
            &["g", "current_date"]
        )]
    );
    // What can't be read or understood may be computed of anything.
    assert_eq!(
        constraints("p"),
        [
            constraint(
                ConstraintKind::Generated,
                &["g", "a", "b", "c", "d", "h", "i"]
            ),
            constraint(
                ConstraintKind::Generated,
                &["h", "a", "b", "c", "d", "g", "i"]
            ),
            constraint(ConstraintKind::Generated, &["i", "c"]),
        ]
    );
    assert_eq!(constraints("t"), []);
}
