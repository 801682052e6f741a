//! Rules that ask for what a principal has, and for what it lacks.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{World, on_a_large_stack, snapshot};
use model::SqlType;
use native::Instance;
use policy::PolicySet;
use tree::Parser;

const PEOPLE: &str = r#"
[[principal]]
name = "ann"
verifier = "x"
roles = ["clerk"]
attributes = { region = "EU" }
[[principal]]
name = "bob"
verifier = "x"
roles = ["clerk"]
[[role]]
name = "clerk"
"#;

const T: common::Columns<'_> = &[
    ("id", SqlType::Integer),
    ("region", SqlType::Varchar),
    ("secret", SqlType::Varchar),
];

/// The rows of a query, as text.
fn rows(world: &World, who: &str, query: &str) -> Vec<String> {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    let data = "attach ':memory:' as wh; create table wh.main.t as \
                from (values (1, 'EU', 'abcdef'), (2, 'EU', 'xy'), (3, 'US', null)) v(id, region, secret)";
    connection.execute(data).unwrap();
    let found = connection
        .query(&world.sql(who, query))
        .unwrap()
        .into_rows();
    let text = |row: Vec<Option<String>>| {
        let cells = row.into_iter().map(|v| v.unwrap_or("-".to_owned()));
        cells.collect::<Vec<_>>().join("|")
    };
    found.into_iter().map(text).collect()
}

/// Whoever lacks what a rule asks for sees nothing by it, in whatever expression it stands.
#[test]
fn a_missing_attribute_denies() {
    on_a_large_stack(|| {
        let tables: [(&str, common::Columns<'_>); 1] = [("wh.main.t", T)];
        let grant = "[[grant]]\nrole = \"clerk\"\non = \"wh.main.t\"\nprivileges = [\"select\"]\n";
        let everybody = "select region, secret from t order by id";
        for (rules, ann, bob) in [
            (
                format!("{grant}rows = \"region = attribute('region')\"\n"),
                "EU|abcdef, EU|xy",
                "",
            ),
            (
                format!("{grant}rows = \"not (region = attribute('region'))\"\n"),
                "US|-",
                "",
            ),
            (
                format!(
                    "{grant}rows = \"coalesce(region <> attribute('region'), true) or true\"\n"
                ),
                "EU|abcdef, EU|xy, US|-",
                "",
            ),
            (
                format!(
                    "{grant}[[restrict]]\non = \"wh.main.t\"\nrows = \"attribute('region') is null\"\n"
                ),
                "",
                "",
            ),
            (
                format!(
                    "{grant}[[mask]]\non = \"wh.main.t.secret\"\nexpr = \"case when region = attribute('region') then 'x' else secret end\"\n"
                ),
                "EU|x, EU|x, US|-",
                "EU|-, EU|-, US|-",
            ),
        ] {
            let world = World::new(&format!("{PEOPLE}{rules}"), &tables, "wh");
            for (who, expected) in [("ann", ann), ("bob", bob)] {
                assert_eq!(
                    rows(&world, who, everybody).join(", "),
                    expected,
                    "{who}: {rules}"
                );
            }
        }
        let unknown = format!("{PEOPLE}{grant}rows = \"region = attribute('regoin')\"\n");
        let parser = Parser::open().unwrap();
        let path = Path::new("policy.toml");
        let error = PolicySet::from_text(path, &unknown, &snapshot(&tables), &parser).unwrap_err();
        assert!(
            error
                .message()
                .contains("no principal has the attribute \"regoin\""),
            "{error:?}"
        );
    });
}
