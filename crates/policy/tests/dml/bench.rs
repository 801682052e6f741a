//! The databases, the policy over them, and what a principal and an onlooker see.

#![allow(unreachable_pub, missing_docs, reason = "for the tests beside it")]

use crate::common::World;
pub use crate::common::writes::{Outcome, rows, written};
use model::{Constraint, ConstraintKind, ExecRequest, RelationName, SqlType, StatementId};
use native::{Connection, Instance};
use policy::View;
use tree::Sidecar;

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
[[role]]
name = "eu"
[[grant]]
role = "eu"
on = "rw.main.t"
privileges = ["select", "insert", "update", "delete"]
columns = ["id", "region", "s", "amt", "d", "st", "masked", "e"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "rw.main.m"
privileges = ["select", "insert", "update", "delete"]
[[grant]]
role = "eu"
on = "rw.main.k"
privileges = ["select", "insert", "update", "delete"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "rw.main.o"
privileges = ["select", "insert", "update", "delete"]
rows = "region = 'EU'"
allow_key_oracle = true
[[grant]]
role = "eu"
on = "rw.main.c"
privileges = ["select", "insert", "update", "delete"]
[[grant]]
role = "eu"
on = "rw.main.w"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.w"
privileges = ["update", "delete"]
columns = ["id", "a"]
rows = "id < 5"
[[grant]]
role = "eu"
on = "rw.main.u"
privileges = ["select", "insert", "update", "delete"]
[[grant]]
role = "eu"
on = "rw.main.p"
privileges = ["select", "insert", "update", "delete"]
[[grant]]
role = "eu"
on = "rw.main.i"
privileges = ["select", "insert"]
[[grant]]
role = "eu"
on = "rw.main.h"
privileges = ["select", "insert", "update", "delete"]
columns = ["id", "level", "a", "note"]
rows = "secret < level"
[[grant]]
role = "eu"
on = "rw.main.parent"
privileges = ["select", "insert", "update", "delete"]
[[grant]]
role = "eu"
on = "rw.main.gen"
privileges = ["select", "insert", "update", "delete"]
columns = ["id", "a", "tags"]
[[mask]]
on = "rw.main.h.note"
expr = "case when a > 100 then note else '**' end"
[[mask]]
on = "rw.main.*.masked"
expr = "left(masked, 1) || '**'"
"#;

const TABLES: [&str; 13] = [
    "create table rw.main.p as select 1 as id, 2 as v; alter table rw.main.p add primary key (id)",
    "create table rw.main.i (id integer primary key, v integer); insert into rw.main.i values (1, 2)",
    "create table rw.main.t (id integer, region varchar default 'EU', s varchar, amt bigint default 7, d date,
        st struct(b varchar), masked varchar, e enum('a', 'b', 'hiddenx', 'hiddeny'), denied varchar)",
    "create table rw.main.m (id integer, masked varchar, a integer)",
    "create table rw.main.k (id integer primary key, region varchar, a integer)",
    "create table rw.main.o (id integer primary key, region varchar, a integer)",
    "create table rw.main.c (id integer, k integer references k(id))",
    "create table rw.main.w as select i as id, i as a, i as b from range(10) r(i)",
    "create table rw.main.h (id integer, level integer, a integer, secret integer, note varchar)",
    "create table rw.main.parent (id integer primary key, n integer, l integer[]); insert into rw.main.parent values (1, 1, [1]), (2, 2, [2])",
    "create table rw.main.child (parent integer references parent(id))",
    "create table rw.main.gen (id integer, a integer, secret integer, tags integer[], g tinyint generated always as (cast(secret - a as tinyint)))",
    "create table rw.main.u as select i as id, 'n' || i as name from range(1, 20) r(i)",
];

/// Visible rows, the same in every database; their raw masked and denied values differ.
fn visible(raw: &str) -> Vec<String> {
    vec![
        format!(
            "insert into rw.main.t select i, 'EU', i::varchar, i * 10, date '2020-01-01' + i::integer,
                {{'b': i::varchar}}, 'm{raw}' || i, 'a', 'denied{raw}' from range(1, 60) r(i)"
        ),
        format!("insert into rw.main.m select i, 'm{raw}' || i, i from range(1, 9) r(i)"),
        "insert into rw.main.k select i, 'EU', i from range(1, 9) r(i)".to_owned(),
        "insert into rw.main.o select i, 'EU', i from range(1, 9) r(i)".to_owned(),
        format!("insert into rw.main.child select {} + 1", usize::from(raw == "y")),
        format!("insert into rw.main.gen (id, a, secret, tags) select i, 1, {}, [i] from range(1, 5) r(i)", if raw == "y" { 120 } else { 0 }),
        format!("insert into rw.main.h select i, 20, i, ascii('{raw}') - ascii('x'), 'm{raw}' || i from range(1, 9) r(i)"),
    ]
}

/// Hidden rows: whatever throws, throws on them, and quotes them.
fn hidden(tag: &str, amount: i64) -> Vec<String> {
    vec![
        format!(
            "insert into rw.main.t select 1000 + i, 'US', 'hidden{tag}' || i, {amount} + i,
                date '1970-01-01' + ({amount} % 99)::integer, {{'b': 'hidden{tag}'}}, 'hidden{tag}',
                'hidden{tag}', 'denied' from range(50) r(i)"
        ),
        format!("insert into rw.main.k select {amount} + i, 'US', i from range(9) r(i)"),
        format!("insert into rw.main.o select {amount} + i, 'US', i from range(9) r(i)"),
        format!(
            "insert into rw.main.h select {amount} + i, 20, i, 21, 'hidden{tag}' from range(9) r(i)"
        ),
    ]
}

pub struct Databases {
    pub hidden_x: Connection,
    pub hidden_y: Connection,
    pub copy: Connection,
}

fn open(statements: &[Vec<String>]) -> Connection {
    let config = [("threads", "2"), ("preserve_insertion_order", "false")];
    let connection = Instance::open(None, &config).unwrap().connect().unwrap();
    // A foreign key names a table of the same catalog.
    connection
        .execute("attach ':memory:' as rw; use rw")
        .unwrap();
    let all = TABLES.iter().map(|t| (*t).to_owned());
    for statement in all.chain(statements.iter().flatten().cloned()) {
        connection.execute(&statement).unwrap();
    }
    connection.execute("use memory").unwrap();
    connection
}

fn databases() -> Databases {
    let copy = open(&[visible("x")]);
    for statement in [
        "alter table rw.main.t drop column denied",
        "alter table rw.main.t alter column e type varchar",
        "update rw.main.t set masked = left(masked, 1) || '**'",
        "update rw.main.m set masked = left(masked, 1) || '**'",
        "alter table rw.main.h drop column secret",
        "drop table rw.main.child",
        "alter table rw.main.gen drop column g",
        "alter table rw.main.gen drop column secret",
        "update rw.main.h set note = '**'",
        "use rw",
    ] {
        copy.execute(statement).unwrap();
    }
    // Hidden rows come first here, so that the numbers of the visible rows differ too.
    Databases {
        hidden_x: open(&[hidden("x", 5_000_000), visible("x")]),
        hidden_y: open(&[visible("y"), hidden("y", -77)]),
        copy,
    }
}

fn world() -> World {
    let enumerated = SqlType::Enum(["a", "b", "hiddenx", "hiddeny"].map(str::to_owned).into());
    let (integer, text) = (SqlType::Integer, SqlType::Varchar);
    let st = SqlType::Struct([("b".to_owned(), SqlType::Varchar)].into());
    let keyed = [
        ("id", integer.clone()),
        ("region", text.clone()),
        ("a", integer.clone()),
    ];
    let mut world = World::bare(
        &[
            (
                "rw.main.t",
                &[
                    ("id", integer.clone()),
                    ("region", text.clone()),
                    ("s", text.clone()),
                    ("amt", SqlType::BigInt),
                    ("d", SqlType::Date),
                    ("st", st),
                    ("masked", text.clone()),
                    ("e", enumerated),
                    ("denied", text.clone()),
                ],
            ),
            (
                "rw.main.m",
                &[
                    ("id", integer.clone()),
                    ("masked", text.clone()),
                    ("a", integer.clone()),
                ],
            ),
            ("rw.main.k", &keyed),
            ("rw.main.o", &keyed),
            (
                "rw.main.parent",
                &[
                    ("id", integer.clone()),
                    ("n", integer.clone()),
                    ("l", SqlType::List(integer.clone().into())),
                ],
            ),
            (
                "rw.main.gen",
                &[
                    ("id", integer.clone()),
                    ("a", integer.clone()),
                    ("secret", integer.clone()),
                    ("tags", SqlType::List(integer.clone().into())),
                    ("g", SqlType::TinyInt),
                ],
            ),
            ("rw.main.child", &[("parent", integer.clone())]),
            (
                "rw.main.h",
                &[
                    ("id", integer.clone()),
                    ("level", integer.clone()),
                    ("a", integer.clone()),
                    ("secret", integer.clone()),
                    ("note", text.clone()),
                ],
            ),
            (
                "rw.main.c",
                &[("id", integer.clone()), ("k", integer.clone())],
            ),
            (
                "rw.main.w",
                &[
                    ("id", SqlType::BigInt),
                    ("a", SqlType::BigInt),
                    ("b", SqlType::BigInt),
                ],
            ),
            ("rw.main.u", &[("id", SqlType::BigInt), ("name", text)]),
            (
                "rw.main.p",
                &[("id", integer.clone()), ("v", integer.clone())],
            ),
            ("rw.main.i", &[("id", integer.clone()), ("v", integer)]),
        ],
        "rw",
    );
    let name = |table: &str| RelationName::new("rw", "main", table);
    let generated = Constraint {
        kind: ConstraintKind::Generated,
        columns: ["g", "secret", "a"].map(str::to_owned).into(),
    };
    world.constrain(&name("gen"), generated);
    for (table, kind, column) in [
        ("parent", ConstraintKind::Unique, "id"),
        ("parent", ConstraintKind::ReferencedBy(name("child")), "id"),
        ("k", ConstraintKind::Unique, "id"),
        ("p", ConstraintKind::Unique, "id"),
        ("i", ConstraintKind::Unique, "id"),
        ("o", ConstraintKind::Unique, "id"),
        ("k", ConstraintKind::ReferencedBy(name("c")), "id"),
        ("c", ConstraintKind::References(name("k")), "k"),
    ] {
        world.constrain(
            &name(table),
            Constraint {
                kind,
                columns: vec![column.to_owned()],
            },
        );
    }
    world.with_policy(POLICY)
}

/// All that a principal sees, table by table.
pub fn seen(connection: &Connection, views: &[String]) -> Vec<Outcome> {
    views.iter().map(|sql| rows(connection, sql)).collect()
}

/// What is hidden: whole rows, and values of visible ones that no longer are what they were.
pub fn unseen(connection: &Connection) -> Vec<Outcome> {
    [
        "select * from rw.main.t where region <> 'EU'",
        "select * from rw.main.k where region <> 'EU'",
        "select * from rw.main.o where region <> 'EU'",
        "select * from rw.main.w where id >= 5",
        "select * from rw.main.child",
        "select * from rw.main.gen where secret not in (0, 120)",
        "select * from rw.main.h where secret >= level or note not like 'm%'",
        "select * from rw.main.t where denied not like 'denied%' or (masked not like 'mx%' \
         and masked not like 'my%' and masked not like 'hidden%')",
        "select * from rw.main.m where masked not like 'mx%' and masked not like 'my%'",
    ]
    .map(|sql| rows(connection, sql))
    .into()
}

pub const SEEN: [&str; 12] = [
    "t", "m", "k", "o", "c", "w", "u", "p", "i", "h", "parent", "gen",
];

pub struct Bench {
    pub world: World,
    pub view: View,
    pub sidecar: Sidecar,
    pub databases: Databases,
}

impl Bench {
    pub fn new() -> Self {
        let world = world();
        let view = world.view("eve");
        let sidecar = Sidecar::build(view.visible(), "rw").unwrap();
        Self {
            world,
            view,
            sidecar,
            databases: databases(),
        }
    }

    pub fn request(&self, text: &str) -> model::Result<ExecRequest> {
        let statement = plan::parse(text, &self.world.parser)?;
        let plan = policy::authorise(
            &statement,
            &self.view,
            &self.sidecar,
            &[],
            &self.world.parser,
        )?;
        plan.request(StatementId::new(), vec![], "UTC".into(), None)
    }
}
