//! Random queries over the tables that a principal sees.

use crate::data::quoted;
use crate::exprs::{Item, Scope, Ty, expr, literal, throwing};
use crate::rng::Rng;

/// Makes queries. Their rows do not depend on the order in which rows are read.
pub(crate) struct Queries<'a> {
    pub(crate) rng: &'a mut Rng,
    /// Tables by name, with their visible columns.
    pub(crate) tables: &'a [Item],
    pub(crate) ctes: Vec<(String, Vec<(String, Ty)>)>,
    names: usize,
    /// The share in a hundred of calls and casts that may throw.
    pub(crate) throws: usize,
}

/// A query's text and its columns.
type Made = (String, Vec<(String, Ty)>);

impl<'a> Queries<'a> {
    pub(crate) fn new(tables: &'a [Item], rng: &'a mut Rng) -> Self {
        let throws = *rng.pick(&[0, 0, 30, 50]);
        Self {
            rng,
            tables,
            ctes: vec![],
            names: 0,
            throws,
        }
    }

    /// A whole statement.
    pub(crate) fn statement(&mut self) -> String {
        if self.rng.chance(15)
            && let Some(probe) = self.probe()
        {
            return probe;
        }
        let depth = *self.rng.pick(&[0, 1, 1, 1, 2]);
        let (query, columns) = self.query(depth, &Scope::default(), false);
        if columns.is_empty() {
            return query;
        }
        match self.rng.below(8) {
            0 => format!("{query} order by all"),
            1 => format!("{query} order by all limit {}", self.rng.between(1, 9)),
            2 => format!("{query} order by all desc nulls last limit 5 offset 2"),
            _ => query,
        }
    }

    /// What an attacker asks: something that fails on poison, cheap enough that an optimizer would run
    /// it before the policy's filter, and sometimes a comparison that statistics can decide.
    fn probe(&mut self) -> Option<String> {
        let table = self.rng.pick(self.tables).clone();
        let alias = self.fresh("p");
        let scope = Scope {
            items: vec![Item {
                alias: alias.clone(),
                columns: table.columns,
            }],
            merged: vec![],
        };
        let columns = scope.columns();
        let throws: Vec<String> = columns
            .iter()
            .filter_map(|(c, ty)| throwing(c, *ty))
            .collect();
        if throws.is_empty() {
            return None;
        }
        let expression = self.rng.pick(&throws).clone();
        let from = format!("{} as {alias}", table.alias);
        Some(match self.rng.below(6) {
            0 => format!("select max({expression}) from {from}"),
            1 => format!("select {expression} as x, count(*) from {from} group by all"),
            2 => {
                let other = self.predicate(&scope, 1);
                format!("select count(*) from {from} where {expression} is not null and {other}")
            }
            3 => {
                let (column, ty) = self.rng.pick(&columns).clone();
                let limit = match ty {
                    Ty::Int => "1000000",
                    Ty::Date => "date '2100-01-01'",
                    Ty::Text => "'hiddena'",
                    _ => return Some(format!("select count({expression}) from {from}")),
                };
                format!(
                    "select count(*) from {from} where {expression} is not null and {column} > {limit}"
                )
            }
            4 => {
                let (other, inner) = self.inner_table();
                let condition = match inner.of(Ty::Int).first() {
                    Some(column) => format!("{column} = length(cast({expression} as varchar))"),
                    None => "true".to_owned(),
                };
                format!("select count(*) from {from} join {other} on {condition}")
            }
            _ => format!("select count(*) from {from} where {expression} is not null"),
        })
    }

    pub(crate) fn fresh(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    pub(crate) fn predicate(&mut self, scope: &Scope, depth: usize) -> String {
        expr(Ty::Boolean, scope, depth, self.throws, self.rng)
    }

    /// A query that nothing of ORDER BY or LIMIT follows yet. `named`: every column has a name of its
    /// own, as a subquery needs it.
    pub(crate) fn query(&mut self, depth: usize, outer: &Scope, named: bool) -> Made {
        if depth == 0 {
            return self.select(0, outer, named);
        }
        match self.rng.below(21) {
            20 => match self.rng.chance(60) {
                true => self.pivot(),
                false => self.unpivot(),
            },
            0 | 1 => self.with(depth, outer, named),
            2 => self.recursive(),
            3 | 4 => self.set_operation(depth),
            5 => self.values(),
            _ => self.select(depth, outer, named),
        }
    }

    fn with(&mut self, depth: usize, outer: &Scope, named: bool) -> Made {
        let before = self.ctes.len();
        let mut entries = vec![];
        for _ in 0..1 + self.rng.below(2) {
            let (query, columns) = self.query(depth - 1, &Scope::default(), true);
            // Now and then under the name of a table, which it then hides.
            let name = match self.rng.chance(15) {
                true => self.rng.pick(self.tables).alias.clone(),
                false => self.fresh("c"),
            };
            if self.ctes[before..].iter().any(|(n, _)| *n == name) {
                continue;
            }
            let word = *self
                .rng
                .pick(&["", "", "materialized ", "not materialized "]);
            entries.push(format!("{name} as {word}({query})"));
            self.ctes.push((name, columns));
        }
        let (body, columns) = self.select(depth - 1, outer, named);
        self.ctes.truncate(before);
        (format!("with {} {body}", entries.join(", ")), columns)
    }

    fn recursive(&mut self) -> Made {
        let table = self.rng.pick(self.tables).clone();
        let name = self.fresh("rec");
        let scope = Scope {
            items: vec![Item {
                alias: table.alias.clone(),
                columns: table.columns,
            }],
            merged: vec![],
        };
        let start = expr(Ty::Int, &scope, 1, self.throws, self.rng);
        let condition = self.predicate(&scope, 1);
        let of = &table.alias;
        let text = format!(
            "with recursive {name}(n) as (select cast(({start}) % 50 as bigint) from {of} where {condition} union select n + 1 from {name} \
             where n < {} and exists (from {of} where {condition})) select n, count(*) as times from {name} group by n",
            self.rng.between(3, 9)
        );
        (
            text,
            vec![("n".to_owned(), Ty::Int), ("times".to_owned(), Ty::Int)],
        )
    }

    fn values(&mut self) -> Made {
        let types = [*self.rng.pick(&Ty::SCALAR), Ty::Int];
        let rows: Vec<String> = (0..2)
            .map(|_| {
                format!(
                    "({}, {})",
                    literal(types[0], self.rng),
                    literal(types[1], self.rng)
                )
            })
            .collect();
        let alias = self.fresh("v");
        (
            format!(
                "select {alias}.x, {alias}.y from (values {}) as {alias}(x, y)",
                rows.join(", ")
            ),
            vec![("x".to_owned(), types[0]), ("y".to_owned(), types[1])],
        )
    }

    fn set_operation(&mut self, depth: usize) -> Made {
        let types: Vec<Ty> = (0..1 + self.rng.below(2))
            .map(|_| *self.rng.pick(&Ty::SCALAR))
            .collect();
        let word = *self.rng.pick(&[
            "union",
            "union all",
            "intersect",
            "except",
            "intersect all",
            "except all",
            "union by name",
        ]);
        let (left, columns) = self.columns_of(&types, depth - 1);
        let (right, _) = self.columns_of(&types, depth - 1);
        (format!("({left}) {word} ({right})"), columns)
    }

    fn columns_of(&mut self, types: &[Ty], depth: usize) -> Made {
        let (from, scope) = self.from(depth, &Scope::default());
        let columns: Vec<(String, Ty)> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| (format!("o{i}"), *ty))
            .collect();
        let items: Vec<String> = columns
            .iter()
            .map(|(name, ty)| format!("{} as {name}", expr(*ty, &scope, 2, self.throws, self.rng)))
            .collect();
        let condition = self.condition(&scope, depth, &Scope::default());
        (
            format!("select {} from {from}{condition}", items.join(", ")),
            columns,
        )
    }

    fn select(&mut self, depth: usize, outer: &Scope, named: bool) -> Made {
        let (from, scope) = self.from(depth, outer);
        let condition = self.condition(&scope, depth, outer);
        match self.rng.below(20) {
            0..6 => self.grouped(&from, &scope, &condition),
            6 | 7 => self.windowed(&from, &scope, &condition),
            8..11 if !named => (self.star(&from, &scope, &condition), vec![]),
            11 if !scope.columns().is_empty() => self.distinct_on(&from, &scope, &condition),
            _ => {
                let word = *self.rng.pick(&["", "", "", "distinct "]);
                let (items, columns) = self.items(&scope, depth, named);
                (
                    format!("select {word}{items} from {from}{condition}"),
                    columns,
                )
            }
        }
    }

    fn items(&mut self, scope: &Scope, depth: usize, named: bool) -> Made {
        let mut items = vec![];
        let mut columns = vec![];
        for i in 0..1 + self.rng.below(4) {
            let ty = *self.rng.pick(&[
                Ty::Int,
                Ty::Text,
                Ty::Decimal,
                Ty::Double,
                Ty::Date,
                Ty::Timestamp,
                Ty::Boolean,
                Ty::Struct,
                Ty::List,
            ]);
            let item = match self.rng.chance(10) && depth > 0 {
                true => self.scalar_subquery(scope, ty),
                false => expr(ty, scope, 2, self.throws, self.rng),
            };
            let bare = !named && self.rng.chance(40);
            items.push(match bare {
                true => item,
                false => format!("{item} as o{i}"),
            });
            columns.push((format!("o{i}"), ty));
        }
        (items.join(", "), columns)
    }

    pub(crate) fn condition(&mut self, scope: &Scope, depth: usize, outer: &Scope) -> String {
        if self.rng.chance(35) {
            return String::new();
        }
        let mut inner = scope.clone();
        inner.items.extend(outer.items.iter().cloned());
        let condition = match depth > 0 && self.rng.chance(25) {
            true => self.subquery_condition(&inner),
            false => self.predicate(&inner, 2),
        };
        match self.rng.chance(25) {
            true => format!(" where {condition} and {}", self.predicate(&inner, 1)),
            false => format!(" where {condition}"),
        }
    }

    fn inner_table(&mut self) -> (String, Scope) {
        let table = self.rng.pick(self.tables).clone();
        let alias = self.fresh("i");
        let text = format!("wh.main.{} {alias}", table.alias);
        let columns = table.columns;
        (
            text,
            Scope {
                items: vec![Item { alias, columns }],
                merged: vec![],
            },
        )
    }

    fn subquery_condition(&mut self, scope: &Scope) -> String {
        let (from, inner) = self.inner_table();
        let ty = *self.rng.pick(&[Ty::Int, Ty::Text, Ty::Date]);
        let left = expr(ty, scope, 1, self.throws, self.rng);
        let right = expr(ty, &inner, 1, self.throws, self.rng);
        let mut both = inner;
        both.items.extend(scope.items.iter().cloned());
        let condition = self.predicate(&both, 1);
        let not = *self.rng.pick(&["", "not "]);
        match self.rng.below(5) {
            0 => format!("{left} {not}in (select {right} from {from})"),
            1 => format!("{not}exists (select 1 from {from} where {condition})"),
            2 => format!("{left} > any (select {right} from {from})"),
            3 => format!("{left} <= all (select {right} from {from} where {right} is not null)"),
            _ => format!("{left} {not}in (select {right} from {from} where {condition})"),
        }
    }

    fn scalar_subquery(&mut self, scope: &Scope, ty: Ty) -> String {
        let (from, inner) = self.inner_table();
        let value = expr(ty, &inner, 1, self.throws, self.rng);
        let mut both = inner;
        both.items.extend(scope.items.iter().cloned());
        let condition = self.predicate(&both, 1);
        match self.rng.chance(self.throws) {
            // Throws where it has several rows.
            true => format!("(select {value} from {from} where {condition})"),
            false => format!("(select max({value}) from {from} where {condition})"),
        }
    }

    fn aggregate(&mut self, scope: &Scope) -> (String, Ty) {
        let throws = self.throws;
        let e = |ty: Ty, rng: &mut Rng| expr(ty, scope, 1, throws, rng);
        let rng = &mut *self.rng;
        let (call, ty) = match rng.below(12) {
            0 | 1 => ("count(*)".to_owned(), Ty::Int),
            2 => (format!("sum({})", e(Ty::Int, rng)), Ty::Int),
            3 => (format!("max({})", e(Ty::Text, rng)), Ty::Text),
            4 => (format!("min({})", e(Ty::Int, rng)), Ty::Int),
            5 => (format!("count(distinct {})", e(Ty::Text, rng)), Ty::Int),
            6 => {
                let value = e(Ty::Text, rng);
                (
                    format!("string_agg({value}, ',' order by {value})"),
                    Ty::Text,
                )
            }
            7 => (format!("bool_or({})", e(Ty::Boolean, rng)), Ty::Boolean),
            8 => (format!("sum({})", e(Ty::Decimal, rng)), Ty::Decimal),
            9 => {
                let value = e(Ty::Int, rng);
                (format!("list({value} order by {value})"), Ty::List)
            }
            10 => (format!("max({})", e(Ty::Date, rng)), Ty::Date),
            _ => (format!("count({})", e(Ty::Int, rng)), Ty::Int),
        };
        match self.rng.chance(12) {
            true => {
                let condition = self.predicate(scope, 1);
                (format!("{call} filter (where {condition})"), ty)
            }
            false => (call, ty),
        }
    }

    fn grouped(&mut self, from: &str, scope: &Scope, condition: &str) -> Made {
        let (call, result) = self.aggregate(scope);
        let mut columns = vec![("o0".to_owned(), result)];
        let keys: Vec<(String, Ty)> = (0..self.rng.below(3))
            .map(|_| {
                let ty = *self.rng.pick(&Ty::SCALAR);
                (expr(ty, scope, 1, self.throws, self.rng), ty)
            })
            // A number would be taken for a position.
            .filter(|(key, _)| key.contains('.') && !key.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        let mut items = vec![format!("{call} as o0")];
        for (i, (key, ty)) in keys.iter().enumerate() {
            items.push(format!("{key} as g{i}"));
            columns.push((format!("g{i}"), *ty));
        }
        let list: Vec<String> = keys.iter().map(|(k, _)| k.clone()).collect();
        let list = list.join(", ");
        let group = match (keys.len(), self.rng.below(6)) {
            (0, _) => String::new(),
            (_, 0) => format!(" group by rollup ({list})"),
            (_, 1) => format!(" group by cube ({list})"),
            (_, 2) => format!(" group by grouping sets (({list}), ())"),
            (_, 3) => " group by all".to_owned(),
            _ => format!(" group by {list}"),
        };
        let having = match self.rng.chance(15) {
            true => format!(" having count(*) > {}", self.rng.between(0, 3)),
            false => String::new(),
        };
        (
            format!(
                "select {} from {from}{condition}{group}{having}",
                items.join(", ")
            ),
            columns,
        )
    }

    /// Window functions that give peers the same value.
    fn windowed(&mut self, from: &str, scope: &Scope, condition: &str) -> Made {
        let e = |ty: Ty, q: &mut Self| expr(ty, scope, 1, q.throws, q.rng);
        let (part, order, value) = (e(Ty::Text, self), e(Ty::Int, self), e(Ty::Int, self));
        let partition = match self.rng.chance(60) {
            true => format!("partition by {part} "),
            false => String::new(),
        };
        let call = match self.rng.below(6) {
            0 => format!("rank() over ({partition}order by {order})"),
            1 => format!("dense_rank() over ({partition}order by {order} desc)"),
            2 => format!("sum({value}) over ({partition}order by {order})"),
            3 => format!("count(*) over ({partition})"),
            4 => format!(
                "max({value}) over ({partition}order by {order} range between 3 preceding and current row)"
            ),
            _ => format!("cume_dist() over ({partition}order by {order}) > 0.5"),
        };
        let item = e(Ty::Text, self);
        let qualify = match self.rng.chance(30) {
            true => format!(
                " qualify dense_rank() over ({partition}order by {order}) < {}",
                self.rng.between(1, 6)
            ),
            false => String::new(),
        };
        (
            format!("select {item} as o0, {call} as o1 from {from}{condition}{qualify}"),
            vec![("o0".to_owned(), Ty::Text), ("o1".to_owned(), Ty::Int)],
        )
    }

    fn distinct_on(&mut self, from: &str, scope: &Scope, condition: &str) -> Made {
        let columns = scope.columns();
        let (key, ty) = self.rng.pick(&columns).clone();
        let (other, other_ty) = self.rng.pick(&columns).clone();
        (
            format!(
                "(select distinct on ({key}) {key} as o0, {other} as o1 from {from}{condition} order by {key}, {other})"
            ),
            vec![("o0".to_owned(), ty), ("o1".to_owned(), other_ty)],
        )
    }

    /// A star in one of its forms; its columns are not for those above.
    fn star(&mut self, from: &str, scope: &Scope, condition: &str) -> String {
        let item = self.rng.pick(&scope.items).clone();
        let column = match item.columns.is_empty() {
            true => None,
            false => Some(self.rng.pick(&item.columns).clone()),
        };
        let single = scope.items.len() == 1;
        let (alias, name) = (&item.alias, column.as_ref().map(|c| quoted(&c.0)));
        let list = match (self.rng.below(8), name) {
            (0, Some(name)) if single => format!("* exclude ({name})"),
            (1, Some(name)) if single => {
                let value = expr(Ty::Int, scope, 1, self.throws, self.rng);
                format!("* replace ({value} as {name})")
            }
            (2, Some(name)) if single => format!("* rename ({name} as renamed)"),
            (3, _) => format!("{alias}.*"),
            (4, _) => "columns('^[a-k]')".to_owned(),
            (5, _) if single => "min(columns(*))".to_owned(),
            (6, Some(name)) if single => format!("columns(* exclude ({name}))"),
            _ => "*".to_owned(),
        };
        format!("select {list} from {from}{condition}")
    }
}
