//! PREPARE, EXECUTE, DEALLOCATE: statements that a session has by name.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod fake;

use fake::*;
use gateway::{Outcome, TransactionStatus};
use model::{ErrorKind, SqlType};

#[tokio::test]
async fn a_statement_runs_by_its_name_with_values() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let made = done(&ann, "prepare p (integer) as select a from t where a > $1").await;
    assert_eq!(made.unwrap().tag, "PREPARE");
    assert_eq!(f.worker.events(), []);
    assert_eq!(count(&ann, "execute p (1 + 1)").await.unwrap(), 1);
    let told = ann.prepare("execute p (2)", &[]).await.unwrap();
    assert!(told.is_query() && told.parameters().is_empty());
    assert_eq!(told.schema().unwrap().columns[0].sql_type, SqlType::Integer);
    done(&ann, "prepare w as insert into t values ($1, 'x')")
        .await
        .unwrap();
    assert_eq!(done(&ann, "execute w (3)").await.unwrap().tag, "INSERT 0 1");
    done(&ann, "deallocate p").await.unwrap();
    let error = ann.execute(&told, Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedStatement);
    done(&ann, "prepare p as select a, b from t").await.unwrap();
    let error = ann.execute(&told, Vec::new()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotSupported,
        "other columns than told"
    );
}

#[tokio::test]
async fn a_name_is_the_session_s_own_and_ends_with_it() {
    let f = fixture(|_| {});
    let (ann, bob) = (f.session("ann").await, f.session("bob").await);
    done(&ann, "prepare p as select a from t").await.unwrap();
    assert_eq!(
        refused(&bob, "execute p").await,
        ErrorKind::UndefinedStatement
    );
    assert_eq!(
        refused(&ann, "prepare p as select b from t").await,
        ErrorKind::DuplicateStatement
    );
    for forget in ["deallocate p", "deallocate all", "discard all"] {
        done(&ann, forget).await.unwrap();
        assert_eq!(
            refused(&ann, "execute p").await,
            ErrorKind::UndefinedStatement
        );
        done(&ann, "prepare p as select a from t").await.unwrap();
    }
    assert_eq!(
        refused(&ann, "deallocate q").await,
        ErrorKind::UndefinedStatement
    );
}

#[tokio::test]
async fn doors_and_sql_share_the_names() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let by_door = ann
        .prepare("select a from t where a = $1", &[])
        .await
        .unwrap();
    ann.check_new_statement("d").unwrap();
    ann.name_statement("d", Some(by_door));
    assert_eq!(count(&ann, "execute d (1)").await.unwrap(), 1);
    let error = ann.check_new_statement("d").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateStatement);
    assert!(ann.check_new_statement("").is_ok());
    done(&ann, "prepare s as select a from t").await.unwrap();
    assert!(ann.named_statement("s").unwrap().is_query());
    assert!(ann.forget_statement("s") && !ann.forget_statement("s"));
    ann.name_statement("empty", None);
    assert_eq!(
        refused(&ann, "execute empty").await,
        ErrorKind::NotSupported
    );
    done(&ann, "deallocate empty").await.unwrap();
}

#[tokio::test]
async fn values_that_take_long_to_compute_are_refused() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "prepare p (varchar) as select a from t where b = $1")
        .await
        .unwrap();
    let long = "a".repeat(20_000);
    for costly in [
        format!("length(upper('{long}'))::varchar"),
        "levenshtein('a', 'b')::varchar".to_owned(),
        format!("('{}' like '%a%a%a%b')::varchar", "a".repeat(30)),
        "replace('aa', 'a', 'aaaa')".to_owned(),
        format!("{}'a'{}", "hex(".repeat(30), ")".repeat(30)),
        "json_extract('[[[[]]]]', '$..*..*')::varchar".to_owned(),
    ] {
        let refused = refused(&ann, &format!("execute p ({costly})")).await;
        assert_eq!(refused, ErrorKind::NotSupported, "{costly}");
    }
    for plain in [
        format!("'{long}'"),
        "upper(replace('a-b', '-', '')) || 'c'".to_owned(),
        "('abc' like 'a%')::varchar".to_owned(),
    ] {
        let sql = format!("execute p ({plain})");
        assert_eq!(count(&ann, &sql).await.unwrap(), 1, "{plain}");
    }
}

#[tokio::test]
async fn a_named_statement_follows_the_policy() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "prepare p as select a from u").await.unwrap();
    assert_eq!(count(&ann, "execute p").await.unwrap(), 1);
    let without_boss = POLICY.replacen("\"desk\", \"boss\"", "\"desk\"", 1);
    f.engine.set_policy(policy(&without_boss));
    assert_eq!(refused(&ann, "execute p").await, ErrorKind::UndefinedTable);
}

#[tokio::test]
async fn what_is_wrong_with_a_value_is_told_and_fails_the_transaction() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "prepare p as select a from t where a = $1")
        .await
        .unwrap();
    for (text, kind) in [
        ("execute p", ErrorKind::Syntax),
        ("execute p (1, 2)", ErrorKind::Syntax),
        ("execute p ('x')", ErrorKind::InvalidText),
        ("execute p (nope)", ErrorKind::UndefinedColumn),
        (
            "execute p ((select max(a) from t))",
            ErrorKind::NotSupported,
        ),
        ("execute p (1 from t)", ErrorKind::Syntax),
        ("execute p ($1)", ErrorKind::NotSupported),
        ("execute p (stats(1))", ErrorKind::UndefinedFunction),
        ("execute p (unnest([1, 2]))", ErrorKind::NotSupported),
        ("execute p (len(range(10000000)))", ErrorKind::NotSupported),
        ("prepare q as begin", ErrorKind::Syntax),
        ("prepare q as execute p (1)", ErrorKind::Syntax),
        (
            "prepare q (no_type) as select 1",
            ErrorKind::UndefinedObject,
        ),
        ("prepare q (int) x) as select 1", ErrorKind::Syntax),
    ] {
        assert_eq!(refused(&ann, text).await, kind, "{text}");
    }
    assert_eq!(f.worker.events(), []);
    done(&ann, "begin").await.unwrap();
    assert_eq!(
        refused(&ann, "execute p ('x')").await,
        ErrorKind::InvalidText
    );
    assert_eq!(ann.transaction(), TransactionStatus::Failed);
}

#[tokio::test]
async fn an_execute_may_write() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let text = "execute w (1); execute w (2)";
    let pieces = ann.split(text).unwrap();
    assert!(ann.wants_implicit(&pieces));
    assert!(!matches!(
        run(&ann, "prepare w as select 1").await.unwrap(),
        Outcome::Rows(_)
    ));
}
