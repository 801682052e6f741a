//! Rules never convert in a way that throws on a row, or that follows the user's time zone.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::snapshot;
use model::{ErrorKind, SqlType};
use native::Instance;
use policy::PolicySet;
use tree::Parser;

const COLUMNS: &[(&str, SqlType)] = &[
    ("s", SqlType::Varchar),
    ("n", SqlType::Integer),
    ("big", SqlType::HugeInt),
    (
        "amount",
        SqlType::Decimal {
            width: 18,
            scale: 2,
        },
    ),
    ("d", SqlType::Date),
    ("ts", SqlType::Timestamp),
    ("seconds", SqlType::TimestampS),
    ("moment", SqlType::TimestampTz),
    ("bits", SqlType::Bit),
    ("j", SqlType::Json),
];

/// Why a rule is refused, or `None`.
fn refused(rule: &str) -> Option<String> {
    let policy = format!(
        "[[principal]]\nname = 'eve'\nverifier = 'x'\nroles = ['r']\n[[role]]\nname = 'r'\n\
         [[grant]]\nrole = 'r'\non = 'rw.g.*'\nprivileges = ['select']\nrows = \"{rule}\"\n"
    );
    let snapshot = snapshot(&[("rw.g.t", COLUMNS)]);
    let path = Path::new("policy.toml");
    let loaded = PolicySet::from_text(path, &policy, &snapshot, &Parser::open().unwrap());
    let error = loaded.err()?;
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    Some(error.message().to_owned())
}

/// Rules, and a row on which DuckDB would throw.
const THROW: &[(&str, &str)] = &[
    (
        "try_cast(ts as time) is null",
        "'infinity'::timestamp as ts",
    ),
    (
        "try_cast(ts as timestamp_ns) is null",
        "'290000-01-01'::timestamp as ts",
    ),
    (
        "try_cast(bits as integer) is null",
        "repeat('01', 40)::bit as bits",
    ),
    ("not s", "'hidden' as s"),
    ("s or n > 1", "'hidden' as s, 1 as n"),
    ("case when s then true else false end", "'hidden' as s"),
    (
        "greatest(d, ts) = ts",
        "'5881580-07-10'::date as d, now()::timestamp as ts",
    ),
    ("least(s, j) = s", "'hidden' as s, '{}'::json as j"),
    (
        "greatest(big, amount) is null",
        "170141183460469231731687303715884105727 as big, 1::decimal(18, 2) as amount",
    ),
    (
        "list_contains([moment], s)",
        "now() as moment, 'hidden' as s",
    ),
    ("list_contains([j], s)", "'hidden' as s, '{}'::json as j"),
    (
        "nanosecond(seconds) = 1",
        "'290000-01-01'::timestamp_s as seconds",
    ),
];

#[test]
fn rules_that_convert_what_may_not_convert_are_refused() {
    let library = Instance::open(None, &[]).unwrap().connect().unwrap();
    for (rule, row) in THROW {
        let made = format!("create or replace table t as select {row} from range(3)");
        library.execute(&made).unwrap();
        let run = library.query(&format!("select count(*) from t where {rule}"));
        assert!(run.is_err(), "it does not throw: {rule}");
        let reason = refused(rule).unwrap_or_else(|| panic!("loads: {rule}"));
        let told = ["may throw", "can't throw", "BOOLEAN"];
        assert!(told.iter().any(|t| reason.contains(t)), "{rule}: {reason}");
    }
}

#[test]
fn rules_that_follow_the_users_time_zone_are_refused() {
    for rule in [
        "moment > '2024-01-01'",
        "moment > timestamptz '2024-01-01 10:00'",
        "try_cast(moment as date) = '2024-01-01'",
        "try_cast(ts as timestamptz) = moment",
        "try_cast(moment as varchar) = 'x'",
        "concat(moment) like '2024-01-01%'",
        "concat_ws('', moment) = 'x'",
        "moment || '' = 'x'",
        "contains(concat([moment]), 'x')",
    ] {
        let reason = refused(rule).unwrap_or_else(|| panic!("loads: {rule}"));
        assert!(reason.contains("the user's time zone"), "{rule}: {reason}");
    }
}

#[test]
fn rules_that_convert_what_always_converts_load() {
    for rule in [
        "moment > '2024-01-01 00:00:00+00'",
        "moment > '2024-01-01T00:00:00Z'",
        "try_cast(s as integer) > 1",
        "try_cast(s as date) > d",
        "try_cast(d as timestamp) > ts",
        "try_cast(amount as hugeint) > big",
        "try_cast(n as varchar) = s",
        "try_cast(s as boolean)",
        "not (n > 1) and starts_with(s, 'a')",
        "greatest(n, 5) = 5",
        "substr(s, 2, 1) = 'x'",
        "case when s = 'a' then true else n > 1 end",
    ] {
        assert_eq!(refused(rule), None, "{rule}");
    }
}
