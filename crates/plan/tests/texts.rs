//! Where statements end, and which ones the session answers: data in, data out.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use model::ErrorKind;
use plan::SessionStatement as S;
use plan::{Discard, ExecuteStatement, PrepareStatement, SettingValue, session_statement, split};

#[test]
fn texts_are_cut_at_semicolons_and_nowhere_else() {
    for (text, pieces) in [
        ("select 1", vec!["select 1"]),
        (" select 1 ; select 2; ", vec!["select 1", "select 2"]),
        (";;;", vec![]),
        ("", vec![]),
        ("-- nothing; at all\n/* ; */", vec![]),
        (
            "select ';', \";\", $$;$$, $a$ ; $$ ; $a$, e'\\';'",
            vec!["select ';', \";\", $$;$$, $a$ ; $$ ; $a$, e'\\';'"],
        ),
        (
            "select 1 -- ; not here\n; select 2",
            vec!["select 1", "select 2"],
        ),
        (
            "select /* ; /* ; */ ; */ 1; x",
            vec!["select /* ; /* ; */ ; */ 1", "x"],
        ),
        ("select 'it''s;'; y", vec!["select 'it''s;'", "y"]),
        ("select '\\'; z", vec!["select '\\'", "z"]),
        ("select $1;select $2", vec!["select $1", "select $2"]),
        ("select 1e';'", vec!["select 1e';'"]),
        ("sélect ünïcode; ok", vec!["sélect ünïcode", "ok"]),
    ] {
        let found: Vec<&str> = split(text).unwrap().iter().map(|p| p.text).collect();
        assert_eq!(found, pieces, "{text}");
        for piece in split(text).unwrap() {
            assert!(text[piece.offset..].starts_with(piece.text), "{text}");
        }
    }
}

#[test]
fn what_does_not_end_is_an_error_with_its_place() {
    for (text, position) in [
        ("select 'x", 7),
        ("select \"x", 7),
        ("select 1 /* x", 9),
        ("select $a$ x $b$", 7),
        ("select e'x\\'", 8),
    ] {
        let error = split(text).unwrap_err();
        assert_eq!(
            (error.kind(), error.position()),
            (ErrorKind::Syntax, Some(position)),
            "{text}"
        );
    }
    assert_eq!(split("select '\0'").unwrap_err().position(), Some(8));
    assert_eq!(
        split("select \0").unwrap_err().kind(),
        ErrorKind::CharacterNotInRepertoire
    );
}

#[test]
fn any_text_is_cut_or_refused() {
    // A small generator with a seed of its own: every cut lies within the text and no text panics.
    let alphabet = [
        "'", "\"", "$", "$$", "$a$", "/*", "*/", "--", "\n", ";", "e'", "\\", "é", "1", ".", "e",
        "x", " ", "(",
    ];
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..20_000 {
        let mut text = String::new();
        for _ in 0..(round % 24) {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(alphabet[(seed >> 33) as usize % alphabet.len()]);
        }
        if let Ok(pieces) = split(&text) {
            for piece in pieces {
                assert!(text[piece.offset..].starts_with(piece.text), "{text:?}");
            }
        }
        let _ = session_statement(&text);
    }
}

#[test]
fn session_statements() {
    let set = |name: &str, value: &str, local| S::Set {
        name: name.to_owned(),
        value: SettingValue::Text(value.to_owned()),
        local,
    };
    for (text, expected) in [
        ("BEGIN", S::Begin { read_only: None }),
        (
            "begin transaction read only",
            S::Begin {
                read_only: Some(true),
            },
        ),
        (
            "start transaction isolation level repeatable read, read write",
            S::Begin {
                read_only: Some(false),
            },
        ),
        ("Commit work", S::Commit),
        ("end", S::Commit),
        ("rollback", S::Rollback),
        ("abort and no chain", S::Rollback),
        (
            "set extra_float_digits = 3",
            set("extra_float_digits", "3", false),
        ),
        (
            "SET application_name TO 'a''b'",
            set("application_name", "a'b", false),
        ),
        (
            "set local statement_timeout = '5s'",
            set("statement_timeout", "5s", true),
        ),
        ("set session timezone to UTC", set("timezone", "UTC", false)),
        (
            "set time zone 'Europe/Oslo'",
            set("timezone", "Europe/Oslo", false),
        ),
        (
            "set search_path = a, \"B c\"",
            set("search_path", "a, B c", false),
        ),
        ("set names 'UTF8'", set("client_encoding", "UTF8", false)),
        (
            "set x to default",
            S::Set {
                name: "x".to_owned(),
                value: SettingValue::Default,
                local: false,
            },
        ),
        ("set idle = -1", set("idle", "-1", false)),
        (
            "set session characteristics as transaction read only",
            S::SetTransaction {
                read_only: Some(true),
                isolation: None,
                session: true,
            },
        ),
        (
            "set transaction isolation level serializable",
            S::SetTransaction {
                read_only: None,
                isolation: Some("serializable".to_owned()),
                session: false,
            },
        ),
        ("reset all", S::ResetAll),
        ("reset TimeZone", S::Reset("timezone".to_owned())),
        ("show server_version", S::Show("server_version".to_owned())),
        (
            "show transaction isolation level",
            S::Show("transaction_isolation".to_owned()),
        ),
        ("show time zone", S::Show("timezone".to_owned())),
        ("show all", S::ShowAll),
        ("discard all", S::Discard(Discard::All)),
        ("deallocate all", S::Deallocate(None)),
        (
            "deallocate prepare \"p 1\"",
            S::Deallocate(Some("p 1".to_owned())),
        ),
        (
            "prepare p (int, decimal(9, 2)) as select $1",
            S::Prepare(PrepareStatement {
                name: "p".to_owned(),
                types: vec!["int".to_owned(), "decimal(9, 2)".to_owned()],
                statement: format!("{}select $1", " ".repeat(34)),
            }),
        ),
        (
            "prepare \"P 1\" as values (1)",
            S::Prepare(PrepareStatement {
                name: "P 1".to_owned(),
                types: vec![],
                statement: format!("{}values (1)", " ".repeat(17)),
            }),
        ),
        (
            "execute p (1, (2))",
            S::Execute(ExecuteStatement {
                name: "p".to_owned(),
                arguments: Some("select     1, (2)".to_owned()),
            }),
        ),
        (
            "execute p",
            S::Execute(ExecuteStatement {
                name: "p".to_owned(),
                arguments: None,
            }),
        ),
        ("close all", S::CloseAll),
        ("unlisten *", S::Unlisten),
    ] {
        assert_eq!(session_statement(text).unwrap(), Some(expected), "{text}");
    }
    for text in [
        "select 1",
        "insert into t values (1)",
        "show tables",
        "describe t",
        "(select 1)",
        "",
        "-- x",
    ] {
        assert_eq!(session_statement(text).unwrap(), None, "{text}");
    }
    for (text, kind) in [
        ("savepoint a", ErrorKind::NotSupported),
        ("rollback to savepoint a", ErrorKind::NotSupported),
        ("commit and chain", ErrorKind::NotSupported),
        ("listen x", ErrorKind::NotSupported),
        ("copy t to stdout", ErrorKind::NotSupported),
        ("set role x", ErrorKind::NotSupported),
        ("set global threads = 64", ErrorKind::NotSupported),
        ("set variable x = 1", ErrorKind::NotSupported),
        (
            "begin isolation level serializable",
            ErrorKind::NotSupported,
        ),
        ("prepare transaction 'x'", ErrorKind::NotSupported),
        ("prepare p", ErrorKind::Syntax),
        ("prepare p as", ErrorKind::Syntax),
        ("prepare p () as select 1", ErrorKind::Syntax),
        ("prepare p (int,) as select 1", ErrorKind::Syntax),
        ("prepare p (int as select 1", ErrorKind::Syntax),
        ("execute", ErrorKind::Syntax),
        ("execute p ()", ErrorKind::Syntax),
        ("execute p (1", ErrorKind::Syntax),
        ("execute p (1) x", ErrorKind::Syntax),
        ("execute p 1", ErrorKind::Syntax),
        ("begin 1", ErrorKind::Syntax),
        ("set x", ErrorKind::Syntax),
        ("set x = ", ErrorKind::Syntax),
        ("set x = (select 1)", ErrorKind::Syntax),
        ("commit 5", ErrorKind::Syntax),
        ("discard", ErrorKind::Syntax),
        ("show", ErrorKind::Syntax),
    ] {
        assert_eq!(session_statement(text).unwrap_err().kind(), kind, "{text}");
    }
}

#[test]
fn a_pivot_asks_for_the_values_that_it_does_not_name() {
    let parser = tree::Parser::open().unwrap();
    let open = |text: &str| plan::open_pivot(text, &parser, 9).unwrap();
    let query = |with: &str, expr: &str, source: &str| {
        format!(
            "{with}\nselect distinct cast(({expr}\n) as varchar) as value from {source}\n\
             where ({expr}\n) is not null order by 1 limit 10"
        )
    };
    for (text, queries, closed) in [
        (
            "pivot t on y using sum(x)",
            vec![query("", "y", "t")],
            "pivot t on y in ('it''s', 'b') using sum(x)",
        ),
        (
            "PIVOT t ON (y, z), a[1, 2] GROUP BY q",
            vec![query("", "(y, z)", "t"), query("", "a[1, 2]", "t")],
            "PIVOT t ON (y, z) in ('it''s', 'b'), a[1, 2] in ('it''s', 'b') GROUP BY q",
        ),
        (
            "pivot t on y in (1), z",
            vec![query("", "z", "t")],
            "pivot t on y in (1), z in ('it''s', 'b')",
        ),
        (
            "with q as (select 1 as on_, 'pivot' as y) pivot q a join u on (a.x = u.x) on y -- on\n using max(z)",
            vec![query(
                "with q as (select 1 as on_, 'pivot' as y)",
                "y",
                "q a join u on (a.x = u.x)",
            )],
            "with q as (select 1 as on_, 'pivot' as y) pivot q a join u on (a.x = u.x) on y in ('it''s', 'b') -- on\n using max(z)",
        ),
    ] {
        let found = open(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.queries(), queries, "{text}");
        let values = vec![vec!["it's".to_owned(), "b".to_owned()]; queries.len()];
        let with = found.with_values(&values);
        assert_eq!(with.text(), closed);
        assert_eq!(with.original(0), 0);
        assert_eq!(with.original(closed.len()), text.len(), "{text}");
        if let Some(at) = text.find("using") {
            assert_eq!(with.original(closed.find("using").unwrap()), at, "{text}");
        }
    }
    for text in [
        "pivot t on y in ('a') using sum(x)",
        "pivot t join u on t.a = u.a using sum(x) group by y",
        "select pivot from t on y",
        "unpivot t on x",
        "pivot t group by y",
        "select 1 -- pivot t on y",
        "pivot",
        "from t pivot (sum(x) for y in (1))",
    ] {
        assert_eq!(open(text), None, "{text}");
    }
}

#[test]
fn what_is_temporary_says_so_in_postgresqls_words() {
    let parser = tree::Parser::open().unwrap();
    let temporary = |text: &str| match plan::parse(text, &parser) {
        Ok(plan::Statement::CreateTable(table)) => Ok(table.temporary),
        Ok(plan::Statement::CreateView(view)) => Ok(view.temporary),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => Err(error.kind()),
    };
    for (text, expected) in [
        ("create table t (a int)", false),
        ("create temp table t (a int)", true),
        ("create or replace temporary table t (a int)", true),
        ("create local temporary table if not exists t (a int)", true),
        ("create global temp table t as select 1", true),
        ("create temp table t (a int) on commit preserve rows", true),
        (
            "create temp table t on commit preserve rows as select 1",
            true,
        ),
        (
            "create temp table t (a) on commit preserve rows as select 1",
            true,
        ),
        ("create view v as select 1", false),
        ("create or replace local temp view v as select 1", true),
        ("create temporary view v (a) as select 1", true),
        ("create table temp (a int)", false),
    ] {
        assert_eq!(temporary(text), Ok(expected), "{text}");
    }
    for (text, kind) in [
        ("create unlogged table t (a int)", ErrorKind::NotSupported),
        (
            "create temp table t (a int) on commit drop",
            ErrorKind::NotSupported,
        ),
        (
            "create temp table t on commit delete rows as select 1",
            ErrorKind::NotSupported,
        ),
        (
            "create table t (a int) on commit preserve rows",
            ErrorKind::Syntax,
        ),
        (
            "create temp table t (a int) on commit keep",
            ErrorKind::Syntax,
        ),
        ("create local table t (a int)", ErrorKind::NotSupported),
        (
            "create temp materialized view v as select 1",
            ErrorKind::NotSupported,
        ),
    ] {
        assert_eq!(temporary(text), Err(kind), "{text}");
    }
}
