//! What the suite leaves out because policy refuses it by name: noticed here when that changes.

use model::{ErrorKind, SqlType};
use native::{Connection, Instance};
use policy::{Decision, FunctionClass, PolicySet, functions};
use tree::Parser;

use crate::common::{self, World, add_view, snapshot};
use crate::pools::{UNWRITTEN, WITHHELD};
use crate::search::{Entry, Kind};

const GRANT: &str = "[[principal]]\nname = 'eve'\nverifier = 'x'\nroles = ['r']\n[[role]]\nname = 'r'\n\
                     [[grant]]\nrole = 'r'\non = 'rw.*.*'\nprivileges = ['select']\n";

fn library() -> Connection {
    Instance::open(None, &[]).unwrap().connect().unwrap()
}

/// A type as policy knows it.
fn known(library: &Connection, sql_type: &str) -> SqlType {
    let prepared = library.prepare(&format!("select cast(null as {sql_type}) as a"));
    prepared.unwrap().columns().remove(0).1
}

fn refusal(world: &World, text: &str) -> Option<ErrorKind> {
    world.authorise("eve", text).err().map(|e| e.kind())
}

fn loads(policy: &str, columns: common::Columns<'_>) -> bool {
    let snapshot = snapshot(&[("rw.g.t", columns)]);
    let path = std::path::Path::new("policy.toml");
    match PolicySet::from_text(path, policy, &snapshot, &Parser::open().unwrap()) {
        Ok(_) => true,
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::Config, "{e:?}");
            false
        }
    }
}

/// Asserts that no rule holds a TRY_CAST that throws.
pub(crate) fn no_rule_throws(entries: &[Entry]) {
    let library = library();
    let tries = entries
        .iter()
        .filter(|e| e.kind == Kind::Cast && e.template.starts_with("try_cast"));
    let mut count = 0;
    for entry in tries {
        let columns = [("a", known(&library, entry.columns[0].sql_type))];
        let rule = entry.over(&["a".to_owned()]).replace('"', "'");
        let policy = format!("{GRANT}rows = \"{rule} is null\"\n");
        assert!(!loads(&policy, &columns), "it throws: {rule}");
        count += 1;
    }
    assert!(count > 25, "only {count} TRY_CASTs throw");
    println!("{count} TRY_CASTs throw, and no rule may hold them");
}

#[test]
fn types_without_results_are_refused_by_name() {
    let library = library();
    for sql_type in WITHHELD {
        let columns = [("a", known(&library, sql_type))];
        let world = World::new(
            &format!("{GRANT}rows = 'a is not null'\n"),
            &[("rw.g.t", &columns)],
            "rw",
        );
        let refused = refusal(&world, "select a from g.t");
        assert_eq!(refused, Some(ErrorKind::NotSupported), "{sql_type}");
        let read = refusal(&world, "select a::varchar, count(*) from g.t group by all");
        assert_eq!(read, None, "{sql_type}");

        let mut catalog = snapshot(&[("rw.g.t", &columns)]);
        let definition = "CREATE VIEW v.t AS SELECT * FROM rw.g.t;";
        add_view(&mut catalog, definition, "rw.v.t", &columns);
        let path = std::path::Path::new("policy.toml");
        let set = PolicySet::from_text(path, GRANT, &catalog, &Parser::open().unwrap());
        let mut world = World::of(set.unwrap(), catalog, "rw");
        world.hides = true;
        assert_eq!(world.view("eve").hidden().len(), 1, "{sql_type}");
    }
}

#[test]
fn types_that_no_mask_can_be_over_are_refused_at_load() {
    let library = library();
    let mask = format!("{GRANT}[[mask]]\non = 'rw.g.t.a'\nwith = 'null'\n");
    for sql_type in [WITHHELD, UNWRITTEN].concat() {
        let columns = [("a", known(&library, sql_type))];
        assert!(!loads(&mask, &columns), "{sql_type}");
    }
    assert!(loads(&mask, &[("a", SqlType::HugeInt)]));
}

#[test]
fn casts_to_geometry_are_refused() {
    let world = World::new(GRANT, &[("rw.g.t", &[("a", SqlType::Varchar)])], "rw");
    let refused = refusal(&world, "select (a::geometry)::varchar from g.t");
    assert_eq!(refused, Some(ErrorKind::NotSupported));
}

#[test]
fn table_functions_are_refused_unless_the_list_allows_them() {
    let world = World::new(GRANT, &[("rw.g.t", &[("a", SqlType::Varchar)])], "rw");
    let listed = library().query(
        "select distinct function_name from duckdb_functions()
         where function_type in ('table', 'table_macro') order by all",
    );
    let mut refused = 0;
    for row in listed.unwrap().into_rows() {
        let name = row[0].clone().unwrap();
        let rules =
            [FunctionClass::Table, FunctionClass::TableMacro].map(|c| functions().rule(c, &name));
        if rules
            .iter()
            .flatten()
            .all(|r| r.decision == Decision::Allow)
        {
            continue;
        }
        let text = format!("select count(*) from g.t, \"{name}\"(t.a) f");
        assert_eq!(
            refusal(&world, &text),
            Some(ErrorKind::UndefinedFunction),
            "{name}"
        );
        refused += 1;
    }
    assert!(refused > 80, "only {refused} are refused");
    // These are allowed, and take constants only.
    for call in ["repeat(t.a, 2)", "repeat_row(t.a, num_rows = 2)"] {
        let text = format!("select count(*) from g.t, {call} f");
        assert!(refusal(&world, &text).is_some(), "{call}");
    }
}
