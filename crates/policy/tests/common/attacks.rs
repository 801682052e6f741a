//! The attacks, and the databases that they are tried on.

use model::{ErrorKind, SqlType};
use native::{Connection, Instance};

use super::writes::Outcome;
pub use super::writes::rows as run;
use super::{Columns, World};

const TABLE: &str = "create table wh.main.t (id integer, region varchar, s varchar, amt bigint, d date,
    st struct(b varchar), masked varchar, l integer[], e enum('a', 'b', 'hiddenx', 'hiddeny'), denied varchar)";

/// Visible rows, the same in every database; their raw masked values differ behind the mask.
fn visible(raw: &str) -> String {
    format!(
        "insert into wh.main.t select i, 'EU', i::varchar, i * 10, date '2020-01-01' + i::integer, {{'b': i::varchar}},
            'm{raw}' || i, [i], 'a', 'denied{raw}' from range(1, 200) r(i)"
    )
}

/// Hidden rows: whatever throws, throws on them, and quotes them.
fn hidden(tag: &str, amount: i64) -> String {
    format!(
        "insert into wh.main.t select 1000 + i, 'US', 'hidden{tag}' || i, {amount} + i, date '1970-01-01' + ({amount} % 99)::integer,
            {{'b': 'hidden{tag}'}}, 'hidden{tag}', [{amount}, null], 'hidden{tag}', 'denied' from range(50) r(i)"
    )
}

pub struct Databases {
    /// Two that differ in hidden data only, and the copy that holds nothing hidden.
    pub hidden_x: Connection,
    pub hidden_y: Connection,
    pub copy: Connection,
}

fn open(statements: &[String]) -> Connection {
    let config = [("threads", "2"), ("preserve_insertion_order", "false")];
    let connection = Instance::open(None, &config).unwrap().connect().unwrap();
    connection.execute("attach ':memory:' as wh").unwrap();
    connection.execute(TABLE).unwrap();
    connection
        .execute(
            "create table wh.main.u as select i as id, 'n' || i as name from range(1, 20) r(i)",
        )
        .unwrap();
    for statement in statements {
        connection.execute(statement).unwrap();
    }
    connection
}

/// `also_hidden` is run beside in those two; `{tag}` in it is `x` or `y`.
pub fn databases(also_hidden: &[&str]) -> Databases {
    let copy = open(&[visible("x")]);
    copy.execute(
        "create or replace table wh.main.t as select id, region, s, amt, d, st, left(masked, 1) || '**' as masked, l,
            e::varchar as e from wh.main.t",
    )
    .unwrap();
    copy.execute("use wh").unwrap();
    let with_hidden = |tag: &str, amount: i64| {
        let connection = open(&[visible(tag), hidden(tag, amount)]);
        for statement in also_hidden {
            connection
                .execute(&statement.replace("{tag}", tag))
                .unwrap();
        }
        connection
    };
    Databases {
        hidden_x: with_hidden("x", 5_000_000),
        hidden_y: with_hidden("y", -77),
        copy,
    }
}

/// An expression that throws may run in one plan and be optimised away in another; rows may not differ.
fn same_as_copy(found: &Outcome, copy: Outcome, text: &str, sql: &str) {
    if let (Outcome::Rows(_), Outcome::Rows(_)) = (found, &copy) {
        assert_eq!(
            *found, copy,
            "not the answer of the filtered copy:\n{text}\n{sql}"
        );
    }
}

/// The policy `eve` lives under, over what the databases hold and `more`.
pub fn world(policy: &str, more: &[(&str, Columns<'_>)]) -> World {
    let enumerated = SqlType::Enum(["a", "b", "hiddenx", "hiddeny"].map(str::to_owned).into());
    let own: [(&str, Columns<'_>); 2] = [
        (
            "wh.main.t",
            &[
                ("id", SqlType::Integer),
                ("region", SqlType::Varchar),
                ("s", SqlType::Varchar),
                ("amt", SqlType::BigInt),
                ("d", SqlType::Date),
                (
                    "st",
                    SqlType::Struct([("b".to_owned(), SqlType::Varchar)].into()),
                ),
                ("masked", SqlType::Varchar),
                ("l", SqlType::List(SqlType::Integer.into())),
                ("e", enumerated),
                ("denied", SqlType::Varchar),
            ],
        ),
        (
            "wh.main.u",
            &[("id", SqlType::Integer), ("name", SqlType::Varchar)],
        ),
    ];
    World::new(policy, &[&own, more].concat(), "wh")
}

/// Tries each statement of the list.
pub fn try_statements(world: &World, databases: &Databases) {
    let view = world.view("eve");
    let sidecar = tree::Sidecar::build(view.visible(), "wh").unwrap();
    let (mut ran, mut refused, mut failed) = (0, 0, 0);
    let attacks = include_str!("../attacks.sql")
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("--"));
    // A PIVOT that looks for its values is the query for them, and the statement that names them.
    let attacks = attacks.flat_map(|text| {
        let open = plan::open_pivot(text, &world.parser, 1000).unwrap();
        open.map_or(vec![text.to_owned()], |pivot| {
            let named = pivot.queries().iter().map(|query| {
                let statement = plan::parse(query, &world.parser).ok()?;
                let planned =
                    policy::authorise(&statement, &view, &sidecar, &[], &world.parser).ok()?;
                match run(&databases.hidden_x, planned.sql()) {
                    Outcome::Rows(rows) => Some(rows.into_iter().flatten().flatten().collect()),
                    Outcome::Fails(_) => None,
                }
            });
            let values: Option<Vec<Vec<String>>> = named.collect();
            let closed = values.map(|v| pivot.with_values(&v).text().to_owned());
            pivot.queries().iter().cloned().chain(closed).collect()
        })
    });
    for text in attacks {
        let text = text.as_str();
        let statement = match plan::parse(text, &world.parser) {
            Err(_) => {
                refused += 1;
                continue;
            }
            Ok(statement) => statement,
        };
        let sql = match policy::authorise(&statement, &view, &sidecar, &[], &world.parser) {
            // Answered from what is visible: no worker, and so no row, takes part.
            Ok(authorised) if authorised.local_rows().is_some() => {
                let answer = format!("{:?}", authorised.local_rows());
                assert!(!answer.contains("hidden"), "{text}: {answer}");
                refused += 1;
                continue;
            }
            Ok(authorised) => authorised.sql().to_owned(),
            Err(e) => {
                assert_ne!(e.kind(), ErrorKind::Internal, "{text}: {e:?}");
                assert!(
                    !e.message().contains("hidden") || text.contains("hidden"),
                    "{text}: {e:?}"
                );
                refused += 1;
                continue;
            }
        };
        let (x, y) = (
            run(&databases.hidden_x, &sql),
            run(&databases.hidden_y, &sql),
        );
        assert_eq!(x, y, "hidden data shows in\n{text}\n{sql}");
        if let Outcome::Rows(_) = &x {
            same_as_copy(&x, run(&databases.copy, text), text, &sql);
            ran += 1;
        } else {
            failed += 1;
        }
    }
    assert!(
        ran > 100 && refused > 100 && failed > 0,
        "{ran} ran, {refused} were refused, {failed} failed"
    );
}

/// Statements around an expression.
pub const SHAPES: [&str; 9] = [
    "select count(*) from t where ({e}) is not null",
    "select max(({e})::varchar) from t",
    "select count(*) from t join u on ({e})::varchar = u.name",
    "select count(*) from (select ({e}) as x, id from t) q where id < 5",
    "select sum(case when id < 5 then 1 else ({e})::varchar::bigint end) from t where id < 5",
    "select count(*) from u where exists (select 1 from t where t.id = u.id and ({e}) is not null)",
    "select ({e})::varchar, count(*) from t group by all order by 1 limit 3",
    "select count(*) from t where id in (select id from t where ({e}) is not null)",
    "select max(x) from (select row_number() over (order by ({e})::varchar) as x from t)",
];

/// Every function and cast that could throw on hidden text, dates and numbers, above each barrier.
pub fn try_what_throws(world: &World, databases: &Databases, shapes: &[&str]) {
    let view = world.view("eve");
    let sidecar = tree::Sidecar::build(view.visible(), "wh").unwrap();
    let mut ran = 0;
    for expression in include_str!("../throwing.txt")
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("--"))
    {
        for shape in shapes {
            let text = shape.replace("{e}", expression);
            let statement =
                plan::parse(&text, &world.parser).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let Ok(authorised) = policy::authorise(&statement, &view, &sidecar, &[], &world.parser)
            else {
                continue;
            };
            let sql = authorised.sql();
            let (x, y) = (run(&databases.hidden_x, sql), run(&databases.hidden_y, sql));
            assert_eq!(x, y, "hidden data shows in\n{text}\n{sql}");
            same_as_copy(&x, run(&databases.copy, &text), &text, sql);
            ran += 1;
        }
    }
    assert!(ran > 33 * shapes.len(), "{ran} ran");
}
