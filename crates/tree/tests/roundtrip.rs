//! Every form of SELECT that the grammar knows is printed as it was read; what it does not know is
//! refused by name.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use tree::{Parser, STACK_BYTES, canonical, check, normalize};

fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

/// Forms in the corpus that the grammar refuses, by what they hold.
const REFUSED: &[&str] = &[
    "pivot",
    "describe",
    "summarize",
    "show ",
    "at (",
    "::mytype",
    "regclass",
    "default",
    "1e1000",
    "1e400",
    "pg_catalog.+",
    "a ? b",
    "::oid",
    "::name",
];

/// Names that DuckDB prints without the quotes they need; policy renames them before printing.
const UNQUOTED: &[&str] = &["\"a b\".*", "\"order\".*", "pg_catalog.+"];

#[test]
fn what_is_read_is_what_is_printed() {
    on_a_large_stack(|| {
        let parser = Parser::open().unwrap();
        let mut printed = 0;
        let mut refused = 0;
        for text in include_str!("queries.sql").lines() {
            let refusable = REFUSED.iter().any(|form| text.contains(form));
            let mut tree = match parser.parse(text) {
                Ok(tree) => tree,
                Err(e) if refusable => {
                    assert!(!e.message().is_empty());
                    refused += 1;
                    continue;
                }
                Err(e) => panic!("{text}: {e:?}"),
            };
            if let Err(e) = check(&tree) {
                assert!(refusable, "{text}: {e:?}");
                refused += 1;
                continue;
            }
            if UNQUOTED.iter().any(|form| text.contains(form)) {
                continue;
            }
            normalize(&mut tree).unwrap();
            check(&tree).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let print = parser
                .print(&tree)
                .unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let again = parser
                .parse(&print)
                .unwrap_or_else(|e| panic!("{text} -> {print}: {e:?}"));
            assert_eq!(canonical(&tree), canonical(&again), "{text} -> {print}");
            printed += 1;
        }
        assert!(
            printed > 200 && refused > 10,
            "{printed} printed, {refused} refused"
        );
    });
}

#[test]
fn depth_is_bounded_before_anything_recursive() {
    on_a_large_stack(|| {
        let parser = Parser::open().unwrap();
        let deep = format!("select {}1", "- ".repeat(20_000));
        parser.parse(&deep).unwrap_err();
        let sum = format!("select 1{}", "+1".repeat(800));
        let tree = parser.parse(&sum).unwrap();
        check(&tree).unwrap();
        assert!(parser.print(&tree).unwrap().len() > 800);
    });
}

#[test]
fn several_statements_and_none_are_refused() {
    on_a_large_stack(|| {
        let parser = Parser::open().unwrap();
        for text in ["select 1; select 2", "", ";", "-- nothing"] {
            assert_eq!(
                parser.parse(text).unwrap_err().kind(),
                model::ErrorKind::Syntax,
                "{text}"
            );
        }
        assert_eq!(
            parser.parse("insert into t values (1)").unwrap_err().kind(),
            model::ErrorKind::NotSupported
        );
        let error = parser.parse("select 1 frm t x").unwrap_err();
        assert_eq!(
            (error.kind(), error.position().is_some()),
            (model::ErrorKind::Syntax, true)
        );
    });
}
