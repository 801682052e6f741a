//! FROM: tables, subqueries and every kind of join.

use crate::data::quoted;
use crate::exprs::{Item, Scope, Ty};
use crate::queries::Queries;

impl Queries<'_> {
    /// FROM's text, and what is in scope after it.
    pub(crate) fn from(&mut self, depth: usize, outer: &Scope) -> (String, Scope) {
        let (mut text, first) = self.item(depth);
        let mut scope = Scope {
            items: vec![first],
            merged: vec![],
        };
        let joins = match self.rng.below(10) {
            0..5 => 0,
            5..9 => 1,
            _ => 2,
        };
        for _ in 0..joins {
            let (right, item) = self.item(depth);
            self.join(&mut text, &mut scope, &right, item, outer);
        }
        (text, scope)
    }

    fn join(
        &mut self,
        text: &mut String,
        scope: &mut Scope,
        right: &str,
        item: Item,
        outer: &Scope,
    ) {
        let shared: Vec<(String, Ty)> = scope.items[0]
            .columns
            .iter()
            .filter(|c| item.columns.contains(c) && c.1 != Ty::Struct)
            .cloned()
            .collect();
        let unique = scope.items.len() == 1;
        let kind = self.rng.below(13);
        match kind {
            0 => *text += &format!(" cross join {right}"),
            1 => *text = format!("{text}, {right}"),
            2 | 3 if unique && !shared.is_empty() => {
                let (name, ty) = self.rng.pick(&shared).clone();
                let word = *self.rng.pick(&["join", "left join", "full join"]);
                *text += &format!(" {word} {right} using ({})", quoted(&name));
                scope.items[0].columns.retain(|c| c.0 != name);
                scope.merged.push((name.clone(), ty));
                let mut item = item;
                item.columns.retain(|c| c.0 != name);
                scope.items.push(item);
                return;
            }
            4 if unique && !shared.is_empty() && scope.merged.is_empty() => {
                *text += &format!(" natural join {right}");
                let mut item = item;
                for (name, ty) in shared {
                    scope.items[0].columns.retain(|c| c.0 != name);
                    item.columns.retain(|c| c.0 != name);
                    scope.merged.push((name, ty));
                }
                // Of the same name and another type: they are merged too, and may not bind.
                scope.items.push(item);
                return;
            }
            5 | 6 => {
                let word = *self.rng.pick(&["semi", "anti"]);
                let condition = self.on(scope, &item);
                *text += &format!(" {word} join {right} on {condition}");
                return;
            }
            7 if unique && item.columns.iter().any(|c| c.1 == Ty::Int) => {
                let columns: Vec<String> = scope.of(Ty::Int);
                let of_right: Vec<&(String, Ty)> =
                    item.columns.iter().filter(|c| c.1 == Ty::Int).collect();
                if let (false, Some((name, _))) = (columns.is_empty(), of_right.first()) {
                    // One row for each instant, or the choice among equal ones would be anybody's.
                    let once = self.fresh("s");
                    let name = quoted(name);
                    let left = self.rng.pick(&columns).clone();
                    let word = *self.rng.pick(&["asof join", "asof left join"]);
                    let inner = &item.alias;
                    *text += &format!(
                        " {word} (select {inner}.{name} as m, count(*) as n from {right} group by all) {once} on {left} >= {once}.m"
                    );
                    scope.items.push(Item {
                        alias: once,
                        columns: vec![("m".to_owned(), Ty::Int), ("n".to_owned(), Ty::Int)],
                    });
                    return;
                }
                *text += &format!(" cross join {right}");
            }
            8 if unique => {
                // Row for row only where both sides have an order that leaves nothing open.
                let left_alias = scope.items[0].alias.clone();
                *text = format!(
                    "(select * from {text} order by all) {left_alias} positional join (select * from {right} order by all) {}",
                    item.alias
                );
            }
            9 => {
                let alias = self.fresh("l");
                let mut inner = scope.clone();
                inner.items.extend(outer.items.iter().cloned());
                let condition = self.predicate(
                    &Scope {
                        items: [inner.items, vec![item.clone()]].concat(),
                        merged: scope.merged.clone(),
                    },
                    1,
                );
                let Some((column, ty)) = self.some_column(&item) else {
                    return;
                };
                *text += &format!(
                    " {} (select {}.{} as v from {right} where {condition}) {alias}",
                    self.rng.pick(&["cross join lateral", "left join lateral"]),
                    item.alias,
                    quoted(&column),
                );
                if text.contains(&format!("left join lateral (select {}.", item.alias)) {
                    *text += " on true";
                }
                scope.items.push(Item {
                    alias,
                    columns: vec![("v".to_owned(), ty)],
                });
                return;
            }
            _ => {
                let word =
                    *self
                        .rng
                        .pick(&["join", "join", "left join", "right join", "full join"]);
                let condition = self.on(scope, &item);
                *text += &format!(" {word} {right} on {condition}");
            }
        }
        scope.items.push(item);
    }

    fn some_column(&mut self, item: &Item) -> Option<(String, Ty)> {
        (!item.columns.is_empty()).then(|| self.rng.pick(&item.columns).clone())
    }

    /// An equality of columns of one type, where there is one, and sometimes more.
    fn on(&mut self, scope: &Scope, item: &Item) -> String {
        let of_right = Scope {
            items: vec![item.clone()],
            merged: vec![],
        };
        let mut pairs = vec![];
        for (right, ty) in of_right.columns() {
            if ty != Ty::Boolean {
                pairs.extend(scope.of(ty).into_iter().map(|left| (left, right.clone())));
            }
        }
        let mut both = scope.clone();
        both.items.push(item.clone());
        if pairs.is_empty() || self.rng.chance(8) {
            return self.predicate(&both, 2);
        }
        let (left, right) = self.rng.pick(&pairs).clone();
        match self.rng.chance(20) {
            true => {
                let more = self.predicate(&both, 1);
                format!("{left} = {right} and {more}")
            }
            false => format!("{left} = {right}"),
        }
    }

    /// A table, a CTE or a subquery.
    fn item(&mut self, depth: usize) -> (String, Item) {
        if depth > 0 && self.rng.chance(18) {
            let alias = self.fresh("q");
            let (query, columns) = self.query(depth - 1, &Scope::default(), true);
            return (format!("({query}) {alias}"), Item { alias, columns });
        }
        if depth > 0 && self.rng.chance(4) {
            let alias = self.fresh("g");
            let list = crate::exprs::literal(Ty::List, self.rng).replace("null", "[1]");
            return (
                format!("(select unnest({list}) as i) {alias}"),
                Item {
                    alias,
                    columns: vec![("i".to_owned(), Ty::Int)],
                },
            );
        }
        if !self.ctes.is_empty() && self.rng.chance(60) {
            let (name, columns) = self.rng.pick(&self.ctes).clone();
            let alias = self.fresh("r");
            return (format!("{name} as {alias}"), Item { alias, columns });
        }
        let table = self.rng.pick(self.tables).clone();
        let qualified = match self.rng.below(8) {
            0 => format!("wh.main.{}", table.alias),
            1 => format!("main.{}", table.alias),
            2 => format!("wh.{}", table.alias),
            _ => table.alias.clone(),
        };
        let sample = match self.rng.below(40) {
            0 => " tablesample reservoir(100000 rows)",
            1 => " tablesample bernoulli(100%)",
            _ => "",
        };
        let alias = match self.rng.below(30) {
            0 => quoted(&format!("{} {}", self.fresh("A"), table.alias)),
            _ => self.fresh(&table.alias),
        };
        let mut columns = table.columns;
        let mut renamed = String::new();
        if self.rng.chance(4) {
            let names: Vec<String> = (0..columns.len().min(2)).map(|i| format!("n{i}")).collect();
            for (column, name) in columns.iter_mut().zip(&names) {
                column.0.clone_from(name);
            }
            renamed = format!("({})", names.join(", "));
        }
        (
            format!("{qualified} as {alias}{renamed}{sample}"),
            Item { alias, columns },
        )
    }
}
