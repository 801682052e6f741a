//! Random statements that write, each as the principal asks it and as the copy runs it.

use crate::data::{Kind, Table, quoted};
use crate::exprs::{Item, Scope, Ty, expr};
use crate::parameters::Statement;
use crate::queries::Queries;
use crate::rules::{Rules, Seen, Shows};

/// The copy of the table that is written, with more columns: see [`Write::copied`].
pub(crate) const TARGET: &str = "raw.main.target";

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    Insert,
    Update,
    Delete,
    Merge,
}

impl Write {
    /// Whether the principal has the rights that it uses, as far as its rules go.
    pub(crate) fn is_granted(&self, target: Target<'_>) -> bool {
        self.rights.iter().all(|right| {
            let may = target
                .rules
                .may(right.privilege, target.table, &right.names());
            right.columns.iter().all(|c| c.as_is) && may.is_some()
        })
    }
}

/// A privilege on columns that a part of a statement uses.
#[derive(Clone, Debug)]
pub(crate) struct Right {
    pub(crate) privilege: &'static str,
    pub(crate) columns: Vec<Shows>,
}

/// A statement that writes.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) kind: Kinds,
    pub(crate) asked: String,
    /// The same on [`TARGET`], a column `__may<n>` of which says whether the n-th right reaches a row.
    pub(crate) copied: String,
    pub(crate) rights: Vec<Right>,
    /// Whether it gives rows back.
    pub(crate) returns: bool,
}

/// The table that is written.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) table: &'a Table,
    pub(crate) seen: &'a Seen,
    pub(crate) rules: &'a Rules,
}

impl Right {
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|c| c.column.name).collect()
    }
}

impl Target<'_> {
    /// What may be written under this alias, as far as values are concerned.
    fn scope(&self, alias: &str, as_is: bool) -> Scope {
        let columns = self.seen.columns.iter().filter(|c| c.as_is || !as_is);
        let columns = columns.map(|c| (c.column.name.to_owned(), Ty::of(c.column.kind)));
        Scope {
            items: vec![Item {
                alias: alias.to_owned(),
                columns: columns.collect(),
            }],
            merged: vec![],
        }
    }
}

impl Queries<'_> {
    /// A statement that writes a table.
    pub(crate) fn write(&mut self, target: Target<'_>) -> Write {
        match self.rng.below(10) {
            0..3 => self.insert(target),
            3..6 => self.update(target),
            6 | 7 => self.delete(target),
            _ => self.merge(target),
        }
    }

    fn insert(&mut self, target: Target<'_>) -> Write {
        let right = self.right(target, "insert");
        let columns = right.columns.clone();
        let names: Vec<String> = right.names().into_iter().map(quoted).collect();
        let names = names.join(", ");
        let rows = match self.rng.chance(50) {
            true => {
                let rows: Vec<String> = (0..1 + self.rng.below(2))
                    .map(|_| format!("({})", self.given(&columns, &Scope::default()).join(", ")))
                    .collect();
                format!("values {}", rows.join(", "))
            }
            false => {
                let (from, scope) = self.from(1, &Scope::default());
                let condition = self.condition(&scope, 1, &Scope::default());
                let values = self.given(&columns, &scope).join(", ");
                format!("select {values} from {from}{condition}")
            }
        };
        let name = target.table.name;
        // No alias reaches RETURNING of an INSERT.
        let mut scope = target.scope(name, true);
        scope.merged = scope.items.remove(0).columns;
        let (asked, copied) = self.returning(&scope, true);
        Write {
            kind: Kinds::Insert,
            asked: format!("insert into {name} ({names}) {rows}{asked}"),
            copied: format!("insert into {TARGET} ({names}) {rows}{copied}"),
            rights: vec![right],
            returns: !asked.is_empty(),
        }
    }

    fn update(&mut self, target: Target<'_>) -> Write {
        let right = self.right(target, "update");
        let (head, alias) = self.named(target);
        let (source, scope, joined) = self.beside(target, &alias, "from");
        let values = self.given(&right.columns, &scope);
        let sets: Vec<String> = right
            .names()
            .into_iter()
            .zip(values)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(name, value)| format!("{} = {value}", quoted(name)))
            .collect();
        let body = format!("set {}{source}", sets.join(", "));
        let condition = self.joined(&joined, &scope);
        let (asked, copied) = self.returning(&target.scope(&alias, false), false);
        Write {
            kind: Kinds::Update,
            asked: format!("update {head} {body} where {condition}{asked}"),
            copied: format!(
                "update {TARGET} as {alias} {body} where ({condition}) and {alias}.__may0{copied}"
            ),
            rights: vec![right],
            returns: !asked.is_empty(),
        }
    }

    fn delete(&mut self, target: Target<'_>) -> Write {
        let (head, alias) = self.named(target);
        let (source, scope, joined) = self.beside(target, &alias, "using");
        let condition = self.joined(&joined, &scope);
        let (asked, copied) = self.returning(&target.scope(&alias, false), false);
        Write {
            kind: Kinds::Delete,
            asked: format!("delete from {head}{source} where {condition}{asked}"),
            copied: format!(
                "delete from {TARGET} as {alias}{source} where ({condition}) and {alias}.__may0{copied}"
            ),
            rights: vec![Right {
                privilege: "delete",
                columns: vec![],
            }],
            returns: !asked.is_empty(),
        }
    }

    fn merge(&mut self, target: Target<'_>) -> Write {
        let (head, alias) = self.named(target);
        let (source, given) = self.source(target);
        let scope = target.scope(&alias, false);
        let both = Scope {
            items: vec![scope.items[0].clone(), given.items[0].clone()],
            merged: vec![],
        };
        let key = format!(
            "{alias}.{} = {}.j",
            quoted(&source.key),
            given.items[0].alias
        );
        let key = match self.rng.chance(20) {
            true => format!("{key} and {}", self.predicate(&both, 1)),
            false => key,
        };
        let mut merge = Merge::default();
        let mut updates = self.rng.chance(60);
        if self.rng.chance(25) {
            let condition = self.predicate(&both, 1);
            merge.clause("matched", Some(&condition), "do nothing", None);
        }
        for _ in 0..1 + self.rng.below(2) {
            let condition = self.rng.chance(50).then(|| self.predicate(&both, 1));
            let (action, right) = match updates {
                true => {
                    let right = self.right(target, "update");
                    let values = self.given(&right.columns, &both);
                    let names = right.names();
                    let sets = names.into_iter().zip(values);
                    let sets: Vec<String> = sets
                        .map(|(name, value)| format!("{} = {value}", quoted(name)))
                        .collect();
                    (format!("update set {}", sets.join(", ")), right)
                }
                false => ("delete".to_owned(), self.right(target, "delete")),
            };
            updates = false;
            let last = condition.is_none();
            merge.written(&alias, "matched", condition.as_deref(), &action, right);
            if last {
                break;
            }
        }
        let inserts = self.rng.chance(60);
        if inserts {
            let right = self.right(target, "insert");
            let condition = self.rng.chance(50).then(|| self.predicate(&given, 1));
            let names: Vec<String> = right.names().into_iter().map(quoted).collect();
            let values = self.given(&right.columns, &given);
            let action = format!(
                "insert ({}) values ({})",
                names.join(", "),
                values.join(", ")
            );
            merge.clause("not matched", condition.as_deref(), &action, Some(right));
        }
        // What DuckDB gives back of rows that match nothing is not theirs.
        let by_source = self.rng.chance(20);
        if by_source {
            let condition = self.rng.chance(70).then(|| self.predicate(&scope, 1));
            let right = self.right(target, "delete");
            let when = "not matched by source";
            merge.written(&alias, when, condition.as_deref(), "delete", right);
        }
        let (mut asked, mut copied) = (String::new(), String::new());
        if !by_source {
            (asked, copied) = self.returning(&target.scope(&alias, inserts), inserts);
            if !asked.is_empty() && self.rng.chance(50) {
                asked += ", merge_action";
                copied += ", merge_action";
            }
        }
        let from = format!(
            "using ({}) as {} on {key}",
            source.query, given.items[0].alias
        );
        Write {
            kind: Kinds::Merge,
            asked: format!("merge into {head} {from}{}{asked}", merge.asked),
            copied: format!(
                "merge into {TARGET} as {alias} {from}{}{copied}",
                merge.copied
            ),
            rights: merge.rights,
            returns: !asked.is_empty(),
        }
    }

    /// Columns that may be written, mostly.
    fn right(&mut self, target: Target<'_>, privilege: &'static str) -> Right {
        let mut columns = vec![];
        if privilege == "delete" {
            return Right { privilege, columns };
        }
        for _ in 0..6 {
            let plain = self.rng.chance(95);
            let all: Vec<Shows> = target
                .seen
                .columns
                .iter()
                .filter(|c| c.as_is || !plain)
                .cloned()
                .collect();
            columns = self.rng.some(&all, 40);
            columns.truncate(3);
            let names: Vec<&str> = columns.iter().map(|c| c.column.name).collect();
            if !columns.is_empty() && target.rules.may(privilege, target.table, &names).is_some() {
                break;
            }
        }
        if columns.is_empty() {
            columns.push(target.seen.columns[0].clone());
        }
        Right { privilege, columns }
    }

    fn given(&mut self, columns: &[Shows], scope: &Scope) -> Vec<String> {
        let value = |column: &Shows| match column.column.kind {
            Kind::Enum => format!("'{}'", self.rng.pick(&["a", "b", "7", "no label"])),
            kind if self.rng.chance(40) => kind.value(true, self.rng).sql(),
            kind => expr(Ty::of(kind), scope, 2, self.throws, self.rng),
        };
        columns.iter().map(value).collect()
    }

    /// The target as a statement names it, and its alias.
    fn named(&mut self, target: Target<'_>) -> (String, String) {
        let name = target.table.name;
        match self.rng.chance(30) {
            true => (name.to_owned(), name.to_owned()),
            false => {
                let alias = self.fresh("x");
                (format!("wh.main.{name} as {alias}"), alias)
            }
        }
    }

    /// Another relation beside the target, one row of which at most goes with each of its rows: its
    /// text, what is in scope then, and how the two are joined.
    fn beside(
        &mut self,
        target: Target<'_>,
        alias: &str,
        word: &str,
    ) -> (String, Scope, Option<String>) {
        let mut scope = target.scope(alias, false);
        if self.rng.chance(65) {
            return (String::new(), scope, None);
        }
        let (source, given) = self.source(target);
        let of = &given.items[0].alias;
        let text = format!(" {word} ({}) as {of}", source.query);
        let on = format!("{of}.j = {alias}.{}", quoted(&source.key));
        scope.items.extend(given.items);
        (text, scope, Some(on))
    }

    /// A query with a row for each value that it has for a column of the target.
    fn source(&mut self, target: Target<'_>) -> (Source, Scope) {
        let key = self.rng.pick(&target.seen.columns).clone();
        let ty = Ty::of(key.column.kind);
        let other = self.rng.pick(self.tables).clone();
        let inner = self.fresh("i");
        let from = format!("{} as {inner}", other.alias);
        let within = Scope {
            items: vec![Item {
                alias: inner,
                columns: other.columns,
            }],
            merged: vec![],
        };
        let columns = within.of(ty);
        let of = match columns.is_empty() {
            true => expr(ty, &within, 1, self.throws, self.rng),
            false => self.rng.pick(&columns).clone(),
        };
        let m = expr(Ty::Int, &within, 1, self.throws, self.rng);
        let s = expr(Ty::Text, &within, 1, self.throws, self.rng);
        let condition = self.condition(&within, 1, &Scope::default());
        let query = format!(
            "select j, max(m) as m, max(s) as s from (select {of} as j, {m} as m, {s} as s from {from}{condition}) group by j"
        );
        let given = Scope {
            items: vec![Item {
                alias: self.fresh("g"),
                columns: vec![
                    ("j".to_owned(), ty),
                    ("m".to_owned(), Ty::Int),
                    ("s".to_owned(), Ty::Text),
                ],
            }],
            merged: vec![],
        };
        let source = Source {
            key: key.column.name.to_owned(),
            query,
        };
        (source, given)
    }

    fn joined(&mut self, joined: &Option<String>, scope: &Scope) -> String {
        let condition = self.predicate(scope, 2);
        match joined {
            Some(on) => format!("{on} and ({condition})"),
            None => condition,
        }
    }

    /// RETURNING, as it is asked and for the copy. What is masked of a row that is new is nothing
    /// that the copy knows.
    fn returning(&mut self, scope: &Scope, new: bool) -> (String, String) {
        let columns = scope.columns();
        if columns.is_empty() || self.rng.chance(45) {
            return (String::new(), String::new());
        }
        if !new && self.rng.chance(15) {
            let all: Vec<String> = columns.into_iter().map(|(c, _)| c).collect();
            return (
                " returning *".to_owned(),
                format!(" returning {}", all.join(", ")),
            );
        }
        let items: Vec<String> = (0..1 + self.rng.below(3))
            .map(|_| match self.rng.chance(50) {
                true => self.rng.pick(&columns).0.clone(),
                false => {
                    let ty = *self.rng.pick(&Ty::SCALAR);
                    expr(ty, scope, 1, self.throws, self.rng)
                }
            })
            .collect();
        // There are no parameters in it.
        let items = Statement::new(&items.join(", "), false).text;
        let text = format!(" returning {items}");
        (text.clone(), text)
    }
}

/// What is merged, or joined to the target.
struct Source {
    /// The target's column that its `j` is compared with.
    key: String,
    query: String,
}

/// The clauses of a MERGE, in both forms.
#[derive(Default)]
struct Merge {
    asked: String,
    copied: String,
    rights: Vec<Right>,
}

impl Merge {
    fn clause(&mut self, when: &str, condition: Option<&str>, action: &str, right: Option<Right>) {
        let condition = condition.map(|c| format!(" and {c}")).unwrap_or_default();
        let text = format!(" when {when}{condition} then {action}");
        self.asked += &text;
        self.copied += &text;
        self.rights.extend(right);
    }

    /// A clause that changes rows of the target. Those that may not be are left as they are.
    fn written(
        &mut self,
        alias: &str,
        when: &str,
        condition: Option<&str>,
        action: &str,
        right: Right,
    ) {
        let condition = condition.unwrap_or("true");
        self.copied += &format!(
            " when {when} and ({condition}) and not {alias}.__may{} then do nothing",
            self.rights.len()
        );
        self.clause(when, Some(condition), action, Some(right));
    }
}
