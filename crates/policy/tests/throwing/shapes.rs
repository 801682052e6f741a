//! The shapes of policies, each with what its principal sees written as plain SQL.

use crate::places::Access;
use crate::pools::{UNWRITTEN, WITHHELD};
use crate::search::Values;
use crate::tables::{Table, column};

/// The key of `keyed_hash`.
pub(crate) const KEY: &str = "a secret that is long enough";

/// A shape of policy over the tables of schema `g`, and what it lets through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Grants and rules; masks come on top.
    policy: &'static str,
    /// Rows that are seen.
    rows: &'static str,
    /// What a column of values shows; `None` where it shows itself.
    pub(crate) shown: fn(&Values, &str) -> Option<String>,
    /// How the policy says so.
    mask: Option<&'static str>,
    /// Whether whole rows are hidden, and nothing else.
    whole: bool,
    /// The schema that statements name: that of the tables, or of the views over them.
    pub(crate) schema: &'static str,
    pub(crate) access: Access,
}

const NOTHING: fn(&Values, &str) -> Option<String> = |_, _| None;

const WRITES: &str = "privileges = [\"select\", \"update\", \"delete\"]";

const fn rows(name: &'static str, policy: &'static str) -> Shape {
    Shape {
        name,
        policy,
        rows: "region = 'EU'",
        shown: NOTHING,
        mask: None,
        whole: true,
        schema: "g",
        access: Access::Update,
    }
}

const fn mask(
    name: &'static str,
    mask: &'static str,
    shown: fn(&Values, &str) -> Option<String>,
) -> Shape {
    Shape {
        name,
        policy: "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\n",
        rows: "true",
        shown,
        mask: Some(mask),
        whole: false,
        schema: "g",
        access: Access::Update,
    }
}

fn is_text(values: &Values) -> bool {
    values.sql_type == "VARCHAR"
}

/// Whether no mask can be over it: DuckDB has no CASE over an ARRAY, and the others are refused.
fn is_bare(values: &Values) -> bool {
    let refused = [WITHHELD, UNWRITTEN].concat();
    values.sql_type.ends_with("[3]") || refused.contains(&values.sql_type)
}

fn kept(column: &str, part: &str) -> String {
    format!(
        "case when {column} is null then null when length({column}) <= 1 then '****' else {part} end"
    )
}

/// All shapes.
pub(crate) const SHAPES: [Shape; 19] = [
    rows(
        "row filter",
        "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n",
    ),
    rows(
        "restriction",
        "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\n[[restrict]]\non = 'rw.g.*'\nrows = \"region = 'EU'\"\n",
    ),
    rows(
        "restriction by attribute",
        "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\n[[restrict]]\non = 'rw.g.*'\nrows = \"region = attribute('region')\"\n",
    ),
    rows(
        "union of grants",
        "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU' and id <= 5\"\n\
         [[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU' and id > 5\"\n",
    ),
    rows(
        "opaque",
        "opaque = ['rw.g.*']\n[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n",
    ),
    rows(
        "denied column",
        "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n[[deny]]\non = 'rw.g.*'\ncolumns = ['extra']\n",
    ),
    Shape {
        access: Access::Delete,
        ..rows(
            "mapping table",
            "mapping = ['rw.main.regions']\n[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\n\
             rows = \"region in (select region from rw.main.regions where who = current_user)\"\n",
        )
    },
    Shape {
        schema: "v",
        access: Access::Read,
        ..rows(
            "inlined view",
            "[[grant]]\nrole = 'r'\non = 'rw.v.*'\nprivileges = ['select']\n\
             [[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n",
        )
    },
    Shape {
        schema: "v",
        access: Access::Read,
        ..rows(
            "definer's view",
            "[[grant]]\nrole = 'r'\non = 'rw.v.{table}'\nprivileges = ['select']\ndefiner = 'owner'\n\
             [[grant]]\nrole = 'o'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n",
        )
    },
    Shape {
        schema: "v",
        access: Access::Read,
        ..rows(
            "filtered definer's view",
            "[[grant]]\nrole = 'r'\non = 'rw.v.{table}'\nprivileges = ['select']\ndefiner = 'owner'\nrows = \"region = 'EU'\"\n\
             [[grant]]\nrole = 'o'\non = 'rw.g.*'\n{writes}\n",
        )
    },
    // A column that one grant reaches is NULL on rows that only the other reaches.
    Shape {
        rows: "true",
        whole: false,
        shown: |_, c| Some(format!("case when region = 'EU' then {c} end")),
        ..rows(
            "columns of two grants",
            "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = \"region = 'EU'\"\n\
             [[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\ncolumns = ['id', 'region', 'n']\n",
        )
    },
    // The hidden rows and the masked ones are not the same.
    Shape {
        rows: "id <= 15",
        policy: "[[grant]]\nrole = 'r'\non = 'rw.g.*'\n{writes}\nrows = 'id <= 15'\n",
        ..mask(
            "filter and mask",
            "expr = \"case when region = 'EU' then {c} end\"",
            |_, c| Some(format!("case when region = 'EU' then {c} end")),
        )
    },
    mask("mask null", "with = 'null'", |v, _| {
        Some(format!("cast(null as {})", v.sql_type))
    }),
    mask("mask redact", "with = 'redact'", |v, c| {
        Some(match is_text(v) {
            true => format!("substr('****' || {c}, 1, 4)"),
            false => format!("cast(null as {})", v.sql_type),
        })
    }),
    mask("mask keep_first", "with = 'keep_first 1'", |v, c| {
        is_text(v).then(|| kept(c, &format!("substr({c}, 1, 1) || '****'")))
    }),
    mask("mask keep_last", "with = 'keep_last 1'", |v, c| {
        is_text(v).then(|| kept(c, &format!("'****' || substr({c}, -1)")))
    }),
    mask("mask keyed_hash", "with = 'keyed_hash'", |v, c| {
        let key: String = KEY.bytes().map(|b| format!("{b:02x}")).collect();
        is_text(v).then(|| format!("sha256('{key}' || sha256('{key}' || {c}))"))
    }),
    mask("mask year", "with = 'year'", |v, c| {
        let dated = matches!(v.sql_type, "DATE" | "TIMESTAMP");
        dated.then(|| {
            format!(
                "case when isfinite({c}) and year({c}) > 0 then cast(make_date(year({c}), 1, 1) as {}) end",
                v.sql_type
            )
        })
    }),
    mask("mask bucket", "with = 'bucket 10'", |v, c| {
        Some(match v.sql_type {
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" => {
                format!("cast(({c} // 10) * 10 as {})", v.sql_type)
            }
            "DOUBLE" => format!("floor({c} / 10) * 10"),
            "DECIMAL(18,2)" => format!("cast({c} - {c} % 10 as {})", v.sql_type),
            _ => return None,
        })
    }),
];

impl Shape {
    /// Whether the shape hides what makes an entry over these columns throw.
    pub(crate) fn hides(&self, columns: &[Values]) -> bool {
        let masked = |v: &Values| (self.shown)(v, "c").is_some() && !is_bare(v);
        let hidden = self.whole || columns.iter().all(|v| masked(v) || v.harmless == v.throws);
        hidden && columns.iter().all(|v| self.has(v.sql_type))
    }

    /// Whether the relation that statements name has columns of the type.
    pub(crate) fn has(&self, sql_type: &str) -> bool {
        self.schema == "g" || !WITHHELD.contains(&sql_type)
    }

    /// Whether whole rows are hidden, and nothing else.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether a mask shows something else than NULL or a value that does not throw.
    pub(crate) fn disguises(&self) -> bool {
        self.mask
            .is_some_and(|m| m.starts_with("with") && m != "with = 'null'")
    }

    /// The policy's file; the key lies beside it.
    pub(crate) fn text(&self, tables: &[Table]) -> String {
        let policy = self.policy.replace("{writes}", WRITES);
        // What is of the whole file comes first.
        let (head, entries) = policy.split_at(policy.find("[[").unwrap());
        let mut grants = String::new();
        for entry in entries.split("[[").skip(1) {
            // A definer's grant names one view.
            let of = if entry.contains("{table}") {
                tables
            } else {
                &tables[..1]
            };
            for table in of {
                grants += &format!("[[{}", entry.replace("{table}", &table.name));
            }
        }
        let mut text = format!(
            "hash_key_file = \"key\"\n{head}[[principal]]\nname = 'eve'\nverifier = 'x'\nroles = ['r']\n\
             attributes = {{ region = 'EU' }}\n[[principal]]\nname = 'owner'\nverifier = 'x'\nroles = ['o']\nattributes = {{ region = 'EU' }}\n\
             [[role]]\nname = 'r'\n[[role]]\nname = 'o'\nadmin = true\n{grants}\
             [[grant]]\nrole = 'r'\non = 'rw.main.u'\nprivileges = ['select', 'insert']\n"
        );
        for table in tables {
            for (n, values) in table.columns.iter().enumerate() {
                let name = column(n);
                let shown = (self.shown)(values, &name).filter(|_| !is_bare(values));
                if let (Some(mask), Some(_)) = (self.mask, shown) {
                    let mask = mask.replace("{c}", &name);
                    text += &format!("[[mask]]\non = 'rw.g.{}.{name}'\n{mask}\n", table.name);
                }
            }
        }
        text
    }

    /// What the principal sees of a table, from the raw one.
    pub(crate) fn seen(&self, table: &Table, raw: &str) -> String {
        let columns = table.columns.iter().enumerate().map(|(n, values)| {
            let name = column(n);
            let shown = (self.shown)(values, &name).filter(|_| !is_bare(values));
            let shown = shown.unwrap_or_else(|| name.clone());
            // An ENUM of a governed table is text: its dictionary would tell of hidden values.
            match values.sql_type.starts_with("ENUM") {
                true => format!(", cast({shown} as varchar) as {name}"),
                false => format!(", {shown} as {name}"),
            }
        });
        let columns: String = columns.collect();
        format!(
            "select id, region, n, extra{columns} from {raw} where {}",
            self.rows
        )
    }
}
