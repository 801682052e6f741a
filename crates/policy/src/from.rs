//! The items of a rewritten FROM, as far as conditions on their columns can be told apart: for
//! steps 9 and 10.

use std::ops::Range;

use model::{SqlType, fold};
use serde_json::Value;
use tree::grammar::text;

use crate::access::Access;
use crate::compile::SELF;
use crate::copies::conjuncts;
use crate::part::names;
use crate::view::View;

/// The items of one FROM.
pub(crate) struct From<'v> {
    items: Vec<Item<'v>>,
    /// Whether the columns of all items are known.
    complete: bool,
    /// Columns that are equal in every row that counts; each with what the first says of the second.
    equal: Vec<(Column<'v>, Column<'v>)>,
}

struct Item<'v> {
    /// Folded.
    name: String,
    /// What is seen of the relation, where the item is one, with its own names.
    access: Option<&'v Access>,
    /// Whether a condition in its barrier leaves the rest as it is.
    sampled: bool,
    side: Side,
}

/// Which rows of an item count.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// Those for which WHERE holds.
    Inner,
    /// Those that match in the LEFT JOIN of that number.
    RightOf(usize),
    /// All.
    Outer,
}

/// A column of an item: one that its reader sees as it is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Column<'v> {
    item: usize,
    /// As the catalog spells it.
    pub(crate) name: &'v str,
    pub(crate) sql_type: &'v SqlType,
}

/// A join, whose condition is read when all items are known.
struct On<'t> {
    join: &'t Value,
    side: Side,
    left: Range<usize>,
    right: Range<usize>,
}

/// The table of which this item of FROM is the barrier.
pub(crate) fn governed<'v>(table: &Value, view: &'v View) -> Option<&'v Access> {
    let inner = &table["subquery"]["node"]["from_table"];
    (is_barrier(table) && text(inner, "type") == "BASE_TABLE")
        .then(|| view.named(inner))
        .flatten()
}

/// Whether this item of FROM is of policy's making.
pub(crate) fn is_barrier(table: &Value) -> bool {
    text(&table["subquery"]["node"]["from_table"], "alias") == SELF
}

impl<'v> From<'v> {
    /// `None` where two items have one name.
    pub(crate) fn of(table: &Value, condition: &Value, view: &'v View) -> Option<Self> {
        let mut from = Self {
            items: Vec::new(),
            complete: true,
            equal: Vec::new(),
        };
        let mut joins = Vec::new();
        from.gather(table, view, Side::Inner, &mut joins);
        let mut named: Vec<&str> = from.items.iter().map(|i| i.name.as_str()).collect();
        named.sort_unstable();
        if named.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        for (number, on) in joins.iter().enumerate() {
            from.join(number, on);
        }
        for conjunct in conjuncts(condition) {
            from.equate(conjunct, (Side::Inner, Side::Inner));
        }
        Some(from)
    }

    /// The column that a reference means. `aliases` are the select list's, folded.
    pub(crate) fn column(&self, reference: &Value, aliases: &[String]) -> Option<Column<'v>> {
        if text(reference, "class") != "COLUMN_REF" {
            return None;
        }
        let names: Vec<&str> = names(&reference["column_names"]).collect();
        match names.as_slice() {
            [item, name] => {
                let item = fold(item);
                let item = self.items.iter().position(|i| i.name == item)?;
                self.column_of(item, name)
            }
            [name] if self.complete && !aliases.contains(&fold(name)) => {
                let has = |item: &&usize| {
                    let columns = self.items[**item].access.map(|a| a.columns.as_slice());
                    let mut columns = columns.unwrap_or_default().iter();
                    columns.any(|c| c.name.eq_ignore_ascii_case(name))
                };
                let all: Vec<usize> = (0..self.items.len()).collect();
                let mut having = all.iter().filter(has);
                match (having.next(), having.next()) {
                    (Some(item), None) => self.column_of(*item, name),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The columns that equal this one in every row that counts.
    pub(crate) fn equal_to(&self, column: Column<'v>) -> impl Iterator<Item = Column<'v>> {
        let equal = self.equal.iter().filter(move |(from, _)| *from == column);
        equal.map(|(_, to)| *to)
    }

    /// The folded name of a column's item.
    pub(crate) fn item(&self, column: Column<'v>) -> &str {
        &self.items[column.item].name
    }

    /// Whether the column is a governed relation's, whose barrier takes conditions.
    pub(crate) fn takes_copies(&self, column: Column<'_>) -> bool {
        let item = &self.items[column.item];
        let governed = item.access.is_some_and(|a| a.barrier.is_some() && a.copies);
        governed && !item.sampled && item.side != Side::Outer
    }

    fn column_of(&self, item: usize, name: &str) -> Option<Column<'v>> {
        // What is asked of rows that WHERE does not choose says nothing of the others.
        let access = self.items[item]
            .access
            .filter(|_| self.items[item].side == Side::Inner)?;
        self.known(item, access, name)
    }

    fn known(&self, item: usize, access: &'v Access, name: &str) -> Option<Column<'v>> {
        let (name, sql_type) = access.open.get(&fold(name))?;
        Some(Column {
            item,
            name,
            sql_type,
        })
    }

    fn gather<'t>(
        &mut self,
        table: &'t Value,
        view: &'v View,
        side: Side,
        joins: &mut Vec<On<'t>>,
    ) {
        if text(table, "type") == "JOIN" && text(table, "alias").is_empty() {
            let plain = matches!(text(table, "ref_type"), "REGULAR" | "CROSS" | "NATURAL");
            let (left, right) = match (text(table, "join_type"), side) {
                _ if !plain => (Side::Outer, Side::Outer),
                ("INNER", side) => (side, side),
                ("LEFT", Side::Inner) => (side, Side::RightOf(joins.len())),
                ("LEFT", side) => (side, Side::Outer),
                _ => (Side::Outer, Side::Outer),
            };
            let number = joins.len();
            let begin = self.items.len();
            joins.push(On {
                join: table,
                side,
                left: 0..0,
                right: 0..0,
            });
            self.gather(&table["left"], view, left, joins);
            let middle = self.items.len();
            self.gather(&table["right"], view, right, joins);
            joins[number].left = begin..middle;
            joins[number].right = middle..self.items.len();
            return;
        }
        let bare = table["column_name_alias"]
            .as_array()
            .is_none_or(Vec::is_empty);
        let access = governed(table, view).or_else(|| match text(table, "type") {
            "BASE_TABLE" => view.named(table),
            _ => None,
        });
        let access = access.filter(|_| bare);
        self.complete &= access.is_some() || text(table, "type") == "EMPTY";
        self.items.push(Item {
            name: fold(text(table, "alias")),
            access,
            sampled: !table["sample"].is_null(),
            side,
        });
    }

    /// Notes what a join makes equal: for all rows that count of an INNER JOIN, for those of its right
    /// side that match of a LEFT JOIN.
    fn join(&mut self, number: usize, on: &On<'_>) {
        let sides = match (text(on.join, "join_type"), on.side) {
            (_, Side::Outer) => return,
            ("INNER", side) => (side, side),
            ("LEFT", Side::Inner) => (Side::Inner, Side::RightOf(number)),
            _ => return,
        };
        for conjunct in conjuncts(&on.join["condition"]) {
            self.equate(conjunct, sides);
        }
        let using = on.join["using_columns"].as_array().into_iter().flatten();
        for name in using.filter_map(Value::as_str) {
            if let (Some(a), Some(b)) = (self.only(&on.left, name), self.only(&on.right, name)) {
                self.note(a, b, sides);
                self.note(b, a, sides);
            }
        }
    }

    fn equate(&mut self, conjunct: &Value, sides: (Side, Side)) {
        if text(conjunct, "type") != "COMPARE_EQUAL" {
            return;
        }
        let found = ["left", "right"].map(|side| self.any_column(&conjunct[side]));
        if let [Some(a), Some(b)] = found {
            self.note(a, b, sides);
            self.note(b, a, sides);
        }
    }

    /// Notes that what is known of `a` is known of `b`, if they are on these sides. Texts may equal each
    /// other by a collation of either, which types do not tell, and not be the same.
    fn note(&mut self, a: Column<'v>, b: Column<'v>, sides: (Side, Side)) {
        let found = (self.items[a.item].side, self.items[b.item].side);
        if found == sides
            && a.sql_type == b.sql_type
            && *a.sql_type != SqlType::Varchar
            && a.item != b.item
        {
            self.equal.push((a, b));
        }
    }

    /// The column of that name that one of these items alone has.
    fn only(&self, items: &Range<usize>, name: &str) -> Option<Column<'v>> {
        let mut found = items.clone().map(|item| {
            let access = self.items[item].access?;
            self.known(item, access, name)
        });
        let all_known = items.clone().all(|item| self.items[item].access.is_some());
        let mut found = found.by_ref().flatten();
        match (found.next(), found.next()) {
            (Some(one), None) if all_known => Some(one),
            _ => None,
        }
    }

    /// A column of any item, by its qualified name or one that is unique.
    fn any_column(&self, reference: &Value) -> Option<Column<'v>> {
        let names: Vec<&str> = names(&reference["column_names"]).collect();
        match names.as_slice() {
            [item, name] => {
                let item = fold(item);
                let item = self.items.iter().position(|i| i.name == item)?;
                self.known(item, self.items[item].access?, name)
            }
            [name] if self.complete => self.only(&(0..self.items.len()), name),
            _ => None,
        }
    }
}
