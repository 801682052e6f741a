//! CREATE and DROP SEQUENCE as they are read: data in, data out.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use model::ErrorKind;
use plan::{Ddl, SequenceOptions, Statement};
use tree::Parser;

#[test]
fn forms() {
    let parser = Parser::open().unwrap();
    let plain = SequenceOptions::default();
    for (text, parts, flags, wanted) in [
        ("create sequence s", vec!["s"], (false, false), plain),
        (
            "CREATE OR REPLACE SEQUENCE a.\"b c\".S",
            vec!["a", "b c", "S"],
            (true, false),
            plain,
        ),
        (
            "create sequence if not exists s no minvalue no maxvalue no cycle",
            vec!["s"],
            (false, true),
            plain,
        ),
        (
            "create sequence s cycle maxvalue +20 start with 7 increment by -3 minvalue -9223372036854775808",
            vec!["s"],
            (false, false),
            SequenceOptions {
                start: Some(7),
                increment: Some(-3),
                min: Some(i64::MIN),
                max: Some(20),
                cycle: true,
            },
        ),
        (
            "create sequence s start 1 increment 2",
            vec!["s"],
            (false, false),
            SequenceOptions {
                start: Some(1),
                increment: Some(2),
                ..plain
            },
        ),
    ] {
        match plan::parse(text, &parser) {
            Ok(Statement::Ddl(Ddl::CreateSequence {
                name,
                or_replace,
                if_not_exists,
                options,
            })) => {
                assert_eq!(name.parts, parts, "{text}");
                assert_eq!((or_replace, if_not_exists), flags, "{text}");
                assert_eq!(options, wanted, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, exists) in [
        ("drop sequence a.s", false),
        ("drop sequence if exists a.s restrict", true),
    ] {
        match plan::parse(text, &parser) {
            Ok(Statement::Ddl(Ddl::DropSequence { name, if_exists })) => {
                assert_eq!(
                    (name.parts, if_exists),
                    (vec!["a".into(), "s".into()], exists)
                );
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn other_texts() {
    use ErrorKind::{NotSupported, Syntax};
    let parser = Parser::open().unwrap();
    for (text, kind, position) in [
        ("create sequence", Syntax, Some(15)),
        ("create sequence s start", Syntax, Some(23)),
        ("create sequence s start x", Syntax, Some(24)),
        ("create sequence s start - -1", Syntax, Some(26)),
        ("create sequence s start 1.0", Syntax, Some(24)),
        (
            "create sequence s maxvalue 99999999999999999999",
            Syntax,
            Some(27),
        ),
        ("create sequence s cycle no cycle", Syntax, Some(24)),
        ("create sequence s minvalue 1 no minvalue", Syntax, Some(29)),
        ("create sequence s no start 1", Syntax, Some(21)),
        ("create sequence s restart", Syntax, Some(18)),
        ("create sequence s as bigint", NotSupported, Some(18)),
        ("create sequence s owned by t.c", NotSupported, Some(18)),
        ("create temp sequence s", NotSupported, None),
        ("create local temporary sequence s", NotSupported, None),
        ("drop sequence s cascade", NotSupported, None),
        ("drop sequence s, t", NotSupported, None),
        ("alter sequence s restart", NotSupported, None),
        ("comment on sequence s is 'x'", NotSupported, None),
    ] {
        let error = plan::parse(text, &parser).unwrap_err();
        assert_eq!((error.kind(), error.position()), (kind, position), "{text}");
    }
}
