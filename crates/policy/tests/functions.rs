//! The function list decides every function of the library that Eider ships, and nothing else.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::collections::BTreeSet;

use policy::{Decision, FunctionClass, functions};
use tree::library_functions;

#[test]
fn every_function_of_the_library_is_decided() {
    let class = |name: &str| match name {
        "scalar" => FunctionClass::Scalar,
        "aggregate" => FunctionClass::Aggregate,
        "macro" => FunctionClass::Macro,
        "table" => FunctionClass::Table,
        "table_macro" => FunctionClass::TableMacro,
        "pragma" => FunctionClass::Pragma,
        other => panic!("a class of functions that the list does not know: {other}"),
    };
    let in_library: BTreeSet<(FunctionClass, String)> = library_functions()
        .unwrap()
        .into_iter()
        .map(|(c, name)| (class(&c), name.to_ascii_lowercase()))
        .collect();
    assert!(in_library.len() > 900, "{}", in_library.len());
    // Window functions stand in no catalog.
    let decided: BTreeSet<(FunctionClass, String)> = functions()
        .pairs()
        .filter(|(class, _)| *class != FunctionClass::Window)
        .map(|(class, name)| (class, name.to_owned()))
        .collect();
    let undecided: Vec<_> = in_library.difference(&decided).collect();
    let unknown: Vec<_> = decided.difference(&in_library).collect();
    assert!(undecided.is_empty(), "undecided: {undecided:?}");
    assert!(unknown.is_empty(), "not in the library: {unknown:?}");
}

/// What goes down into a value by recursion ends the process where the value is deep, also one that
/// is read from a table: nothing bounds how deep that is.
#[test]
fn nothing_allowed_descends_without_a_bound() {
    let list = functions();
    for name in [
        "json_contains",
        "json_group_structure",
        "json_merge_patch",
        "json_structure",
        "switch",
    ] {
        let rules = list.expression(name);
        assert!(!rules.is_empty(), "{name}");
        let denied = rules.iter().all(|r| r.decision == Decision::Deny);
        assert!(denied, "{name}");
    }
}
