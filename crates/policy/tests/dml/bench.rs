//! The databases, the policy over them, and what a principal and an onlooker see.

#![allow(unreachable_pub, missing_docs, reason = "for the tests beside it")]

use crate::common::World;
pub use crate::common::writes::{Outcome, rows, written};
use model::{Constraint, ConstraintKind, ExecRequest, RelationName, SqlType, StatementId};
use native::{Connection, Instance};
use policy::View;
use tree::Sidecar;

/// The principal. What it may do is in `policy.toml`, which the tests through the doors read too, as
/// they do the statements beside it.
const PRINCIPAL: &str = "[[principal]]\nname = \"eve\"\nverifier = \"x\"\nroles = [\"eu\"]\n";

/// The statements of a text: one a line, but comments.
pub fn statements(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("--"))
}

/// Visible rows, the same in every database; their raw masked and denied values differ.
fn visible(tag: &str) -> String {
    include_str!("visible.sql").replace("$tag", tag)
}

/// Hidden rows: whatever throws, throws on them, and quotes them.
fn hidden(tag: &str, amount: i64) -> String {
    let text = include_str!("hidden.sql").replace("$tag", tag);
    text.replace("$amount", &amount.to_string())
}

pub struct Databases {
    pub hidden_x: Connection,
    pub hidden_y: Connection,
    pub copy: Connection,
}

fn open(texts: &[String]) -> Connection {
    let config = [("threads", "2"), ("preserve_insertion_order", "false")];
    let connection = Instance::open(None, &config).unwrap().connect().unwrap();
    // A foreign key names a table of the same catalog.
    connection
        .execute("attach ':memory:' as rw; use rw")
        .unwrap();
    let texts = texts.iter().map(String::as_str);
    for text in [include_str!("tables.sql")].into_iter().chain(texts) {
        for statement in statements(text) {
            connection.execute(statement).unwrap();
        }
    }
    connection.execute("use memory").unwrap();
    connection
}

fn databases() -> Databases {
    let copy = open(&[visible("x"), include_str!("copy.sql").to_owned()]);
    copy.execute("use rw").unwrap();
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
    world.with_policy(&format!("{PRINCIPAL}{}", include_str!("policy.toml")))
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
