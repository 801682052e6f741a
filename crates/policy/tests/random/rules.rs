//! Random policies, and what they mean: the columns of the copy that a principal may see, made
//! straight from the rules by plain SQL and by nothing of the crate's own.

use crate::data::{Column, Kind, Table, quoted};
use crate::lookups::MAPPING;
use crate::masks::{self, Shown};
use crate::predicates::{self, ATTRIBUTES, Expression, WHO};
use crate::rng::Rng;

/// A policy for one principal.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// All roles of the principal, and whether it is given directly.
    roles: Vec<(String, bool)>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) restricts: Vec<Restrict>,
    pub(crate) denies: Vec<Deny>,
    masks: Vec<Mask>,
}

/// What lets the principal change rows.
pub(crate) const WRITES: [&str; 3] = ["insert", "update", "delete"];

/// A role that the principal has not.
const STRANGER: &str = "stranger";

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    role: String,
    /// `None`: every relation.
    table: Option<&'static str>,
    privileges: Vec<&'static str>,
    columns: Option<Vec<&'static str>>,
    rows: Option<Expression>,
}

/// To whom a rule goes, as it is written.
#[derive(Clone, Debug)]
struct Audience {
    text: String,
    included: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Restrict {
    table: &'static str,
    rows: Expression,
    audience: Audience,
}

#[derive(Clone, Debug)]
pub(crate) struct Deny {
    table: &'static str,
    /// `None`: all of them. Columns are denied to readers only.
    privileges: Option<Vec<&'static str>>,
    columns: Option<Vec<&'static str>>,
    audience: Audience,
}

#[derive(Clone, Debug)]
struct Mask {
    table: &'static str,
    column: &'static str,
    tagged: bool,
    shown: Shown,
    audience: Audience,
}

/// A column that the principal sees, and what it shows of the raw row.
#[derive(Clone, Debug)]
pub(crate) struct Shows {
    pub(crate) column: Column,
    pub(crate) value: String,
    /// Whether it shows what is stored, but for the type of ENUMs.
    pub(crate) as_is: bool,
}

/// What a principal sees of a table.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) columns: Vec<Shows>,
    /// Which rows; `None` for all of them.
    pub(crate) rows: Option<String>,
    /// Whether any column shows NULL on rows that only other grants reach.
    pub(crate) guarded: bool,
}

impl Rules {
    pub(crate) fn random(tables: &[Table], rng: &mut Rng) -> Self {
        let mut roles = vec![("r1".to_owned(), true)];
        for (name, direct) in [("r2", true), ("r3", false)] {
            if rng.chance(60) {
                roles.push((name.to_owned(), direct));
            }
        }
        let names: Vec<String> = roles.iter().map(|(n, _)| n.clone()).collect();
        let mut rules = Self {
            roles,
            grants: vec![],
            restricts: vec![],
            denies: vec![],
            masks: vec![],
        };
        if rng.chance(10) {
            rules.grants.push(Grant {
                role: rng.pick(&names).clone(),
                table: None,
                privileges: vec!["select"],
                columns: None,
                rows: None,
            });
        }
        for table in tables {
            rules.over(table, &names, rng);
        }
        rules
    }

    fn over(&mut self, table: &Table, roles: &[String], rng: &mut Rng) {
        let some_columns = |rng: &mut Rng| {
            let all: Vec<&'static str> = table.columns.iter().map(|c| c.name).collect();
            let mut some = rng.some(&all, 75);
            if some.is_empty() {
                some.push("id");
            }
            some
        };
        for n in 0..*rng.pick(&[1, 1, 2, 3]) {
            let role = match rng.chance(12) {
                true => STRANGER.to_owned(),
                false => rng.pick(roles).clone(),
            };
            let mut privileges = rng.some(&WRITES, 60);
            if n == 0 || privileges.is_empty() || rng.chance(80) {
                privileges.push("select");
            }
            self.grants.push(Grant {
                role,
                table: Some(table.name),
                privileges,
                columns: rng.chance(30).then(|| some_columns(rng)),
                rows: rng.chance(75).then(|| predicates::rows(table, roles, rng)),
            });
        }
        if rng.chance(30) {
            self.restricts.push(Restrict {
                table: table.name,
                rows: predicates::rows(table, roles, rng),
                audience: audience(roles, rng),
            });
        }
        if rng.chance(20) {
            let columns = rng.chance(70).then(|| vec![rng.pick(&table.columns).name]);
            let some = columns.is_none() && rng.chance(70);
            self.denies.push(Deny {
                table: table.name,
                privileges: some.then(|| vec![*rng.pick(&WRITES)]),
                columns,
                audience: audience(roles, rng),
            });
        }
        for column in &table.columns {
            if rng.chance(25) {
                self.masks.push(Mask {
                    table: table.name,
                    column: column.name,
                    tagged: rng.chance(20),
                    shown: masks::mask(table, column, rng),
                    audience: audience(roles, rng),
                });
            }
        }
    }

    /// The policy's file; `hash_key_file` lies beside it.
    pub(crate) fn text(&self) -> String {
        let direct: Vec<String> = self
            .roles
            .iter()
            .filter(|(_, direct)| *direct)
            .map(|(n, _)| format!("\"{n}\""))
            .collect();
        let brought: Vec<String> = self
            .roles
            .iter()
            .filter(|(_, direct)| !direct)
            .map(|(n, _)| format!("\"{n}\""))
            .collect();
        let mut text = format!(
            "hash_key_file = \"key\"\nmapping = [\"{MAPPING}\"]\n[[principal]]\nname = \"{WHO}\"\nverifier = \"x\"\nroles = [{}]\n\
             attributes = {ATTRIBUTES}\n[[role]]\nname = \"{STRANGER}\"\n",
            direct.join(", ")
        );
        for (name, _) in &self.roles {
            text += &format!("[[role]]\nname = \"{name}\"\n");
            if name == "r1" && !brought.is_empty() {
                text += &format!("roles = [{}]\n", brought.join(", "));
            }
        }
        for grant in &self.grants {
            let on = match grant.table {
                Some(table) => format!("wh.main.{table}"),
                None => "wh.*.*".to_owned(),
            };
            text += &format!(
                "[[grant]]\nrole = \"{}\"\non = \"{on}\"\nprivileges = {:?}\n",
                grant.role, grant.privileges
            );
            text += &columns_text(grant.columns.as_ref());
            if let Some(rows) = &grant.rows {
                text += &format!("rows = '''{}'''\n", rows.policy);
            }
        }
        for restrict in &self.restricts {
            text += &format!(
                "[[restrict]]\non = \"wh.main.{}\"\nrows = '''{}'''\n{}",
                restrict.table, restrict.rows.policy, restrict.audience.text
            );
        }
        for deny in &self.denies {
            text += &format!("[[deny]]\non = \"wh.main.{}\"\n", deny.table);
            if let Some(privileges) = &deny.privileges {
                text += &format!("privileges = {privileges:?}\n");
            }
            text += &columns_text(deny.columns.as_ref());
            text += &deny.audience.text;
        }
        for (n, mask) in self.masks.iter().enumerate() {
            let on = format!("wh.main.{}.{}", mask.table, quoted(mask.column));
            if mask.tagged {
                text += &format!(
                    "[[tag]]\nname = \"tag{n}\"\non = ['{on}']\n[[mask]]\ntag = \"tag{n}\"\n"
                );
            } else {
                text += &format!("[[mask]]\non = '{on}'\n");
            }
            text += &format!("{}\n{}", mask.shown.policy, mask.audience.text);
        }
        text
    }

    /// What the principal sees of a table; `None` where it does not exist for them.
    pub(crate) fn seen(&self, table: &Table) -> Option<Seen> {
        let grants = self.grants_of("select", table);
        let denies = self.denies_of("select", table);
        if denies.iter().any(|d| d.columns.is_none()) {
            return None;
        }
        let restricts: Vec<String> = self
            .restricts
            .iter()
            .filter(|r| r.table == table.name && r.audience.included)
            .map(|r| yes(&r.rows.plain))
            .collect();
        let mut rows = restricts;
        rows.extend(any_of(&grants));
        let mut columns = vec![];
        let mut guarded = false;
        for column in &table.columns {
            let reaching: Vec<&Grant> = grants
                .iter()
                .copied()
                .filter(|g| g.columns.as_ref().is_none_or(|c| c.contains(&column.name)))
                .collect();
            let denied = denies
                .iter()
                .any(|d| d.columns.as_ref().is_some_and(|c| c.contains(&column.name)));
            if reaching.is_empty() || denied {
                continue;
            }
            let mask = self
                .masks
                .iter()
                .find(|m| m.table == table.name && m.column == column.name && m.audience.included);
            let raw = quoted(column.name);
            let value = mask.map_or(raw.clone(), |m| m.shown.plain.clone());
            let value = match any_of(&reaching) {
                Some(condition) if reaching.len() < grants.len() => {
                    guarded = true;
                    format!("case when {condition} then {value} end")
                }
                _ => value,
            };
            columns.push((column.clone(), value != raw, value));
        }
        if columns.is_empty() {
            return None;
        }
        let governed = !rows.is_empty()
            || columns.len() < table.columns.len()
            || columns.iter().any(|(_, changed, _)| *changed);
        let columns = columns
            .into_iter()
            .map(|(column, changed, value)| match column.kind {
                Kind::Enum if governed => Shows {
                    as_is: !changed,
                    value: format!("cast({value} as varchar)"),
                    column: Column {
                        kind: Kind::Text,
                        ..column
                    },
                },
                _ => Shows {
                    as_is: !changed,
                    column,
                    value,
                },
            })
            .collect();
        Some(Seen {
            columns,
            rows: (!rows.is_empty()).then(|| rows.join(" and ")),
            guarded,
        })
    }

    /// What makes a row of the table one that the principal may write, as grants with the privilege
    /// reach all of these columns; `None` where none does. Visible rows only may be written besides.
    pub(crate) fn may(&self, privilege: &str, table: &Table, columns: &[&str]) -> Option<String> {
        let mut denies = self.denies_of(privilege, table).into_iter();
        if denies.any(|d| d.columns.is_none()) {
            return None;
        }
        let mut grants = self.grants_of(privilege, table);
        grants.retain(|g| {
            let all = |own: &Vec<&str>| columns.iter().all(|c| own.contains(c));
            g.columns.as_ref().is_none_or(all)
        });
        match grants.is_empty() {
            true => None,
            false => Some(any_of(&grants).unwrap_or_else(|| "true".to_owned())),
        }
    }

    /// The rules for rows of every grant that lets the principal write, each by itself.
    pub(crate) fn write_rows(&self, table: &Table) -> Vec<String> {
        let grants = WRITES.iter().flat_map(|p| self.grants_of(p, table));
        let rows = grants.filter_map(|g| g.rows.as_ref());
        rows.map(|r| yes(&r.plain)).collect()
    }

    fn grants_of(&self, privilege: &str, table: &Table) -> Vec<&Grant> {
        let has = |role: &String| self.roles.iter().any(|(n, _)| n == role);
        let grants = self.grants.iter();
        grants
            .filter(|g| has(&g.role) && g.table.is_none_or(|t| t == table.name))
            .filter(|g| g.privileges.contains(&privilege))
            .collect()
    }

    fn denies_of(&self, privilege: &str, table: &Table) -> Vec<&Deny> {
        let denies = self.denies.iter();
        denies
            .filter(|d| d.table == table.name && d.audience.included)
            .filter(|d| match &d.privileges {
                Some(privileges) => privileges.contains(&privilege),
                None => true,
            })
            .collect()
    }

    /// A policy that shows no more: a grant less, a restriction or a denial more.
    pub(crate) fn stricter(&self, tables: &[Table], rng: &mut Rng) -> Self {
        let mut stricter = self.clone();
        let roles: Vec<String> = self.roles.iter().map(|(n, _)| n.clone()).collect();
        let table = rng.pick(tables);
        let everybody = Audience {
            text: String::new(),
            included: true,
        };
        match rng.below(3) {
            0 => {
                stricter.grants.remove(rng.below(self.grants.len()));
            }
            1 => stricter.restricts.push(Restrict {
                table: table.name,
                rows: predicates::rows(table, &roles, rng),
                audience: everybody,
            }),
            _ => stricter.denies.push(Deny {
                table: table.name,
                privileges: None,
                columns: Some(vec![rng.pick(&table.columns).name]),
                audience: everybody,
            }),
        }
        stricter
    }
}

impl Seen {
    /// The rows that the principal sees of `from`, which has the table's columns, after `keys`.
    pub(crate) fn query(&self, keys: &str, from: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|c| format!("{} as {}", c.value, quoted(c.column.name)))
            .collect();
        let rows = self.rows.as_deref().unwrap_or("true");
        format!(
            "select {keys}{} from {from} where {rows}",
            columns.join(", ")
        )
    }
}

/// NULL counts as no.
fn yes(predicate: &str) -> String {
    format!("coalesce({predicate}, false)")
}

/// The rows of some grants together; `None` where one of them has all rows.
fn any_of(grants: &[&Grant]) -> Option<String> {
    let rows: Option<Vec<String>> = grants
        .iter()
        .map(|g| g.rows.as_ref().map(|r| yes(&r.plain)))
        .collect();
    rows.map(|rows| match rows.is_empty() {
        true => "false".to_owned(),
        false => format!("({})", rows.join(" or ")),
    })
}

fn audience(roles: &[String], rng: &mut Rng) -> Audience {
    let role = rng.pick(roles);
    let (text, included) = match rng.below(8) {
        0 => (format!("to = [\"{role}\"]\n"), true),
        1 => (format!("except = [\"{STRANGER}\"]\n"), true),
        2 => (format!("to = [\"{STRANGER}\"]\n"), false),
        3 => (format!("except = [\"{role}\"]\n"), false),
        _ => (String::new(), true),
    };
    Audience { text, included }
}

fn columns_text(columns: Option<&Vec<&'static str>>) -> String {
    columns.map_or_else(String::new, |columns| format!("columns = {columns:?}\n"))
}
