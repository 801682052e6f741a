//! PIVOT and UNPIVOT over what a table shows.

use crate::data::quoted;
use crate::exprs::{Item, Scope, Ty, expr};
use crate::queries::Queries;

/// A query's text and its columns.
type Made = (String, Vec<(String, Ty)>);

impl Queries<'_> {
    fn turned_table(&mut self) -> (String, Scope) {
        let table = self.rng.pick(self.tables).clone();
        let alias = self.fresh("f");
        let from = format!("{} as {alias}", table.alias);
        let columns = table.columns;
        let items = vec![Item { alias, columns }];
        let merged = vec![];
        (from, Scope { items, merged })
    }

    /// Values of a column as columns of their own.
    pub(crate) fn pivot(&mut self) -> Made {
        let (from, scope) = self.turned_table();
        let key = *self.rng.pick(&[Ty::Int, Ty::Text]);
        let group = expr(key, &scope, 1, self.throws, self.rng);
        let turned = expr(Ty::Text, &scope, 1, self.throws, self.rng);
        let value = expr(Ty::Int, &scope, 1, self.throws, self.rng);
        let condition = self.condition(&scope, 0, &Scope::default());
        let names: Vec<i64> = (0..3).map(|i| i * 2 + self.rng.between(0, 1)).collect();
        let list: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
        let list = list.join(", ");
        let call = *self.rng.pick(&["sum(v)", "count(v)", "max(v)", "min(v)"]);
        let of =
            format!("(select {group} as g, {turned} as p, {value} as v from {from}{condition})");
        let alias = self.fresh("pv");
        let text = match self.rng.below(2) {
            0 => {
                format!("select * from {of} pivot ({call} for p in ({list}) group by g) as {alias}")
            }
            _ => format!(
                "select * from (pivot {of} on p in ({list}) using {call} group by g) as {alias}"
            ),
        };
        let mut columns = vec![("g".to_owned(), key)];
        columns.extend(names.iter().map(|n| (n.to_string(), Ty::Int)));
        (text, columns)
    }

    /// Columns as rows of their names and values.
    pub(crate) fn unpivot(&mut self) -> Made {
        let (from, scope) = self.turned_table();
        let ty = *self.rng.pick(&[Ty::Int, Ty::Text, Ty::Date]);
        let sql_type = match ty {
            Ty::Int => "bigint",
            Ty::Date => "date",
            _ => "varchar",
        };
        let columns: Vec<String> = ["m", "n", "o p"]
            .iter()
            .map(|name| {
                let value = expr(ty, &scope, 1, self.throws, self.rng);
                format!("cast({value} as {sql_type}) as {}", quoted(name))
            })
            .collect();
        let key = expr(Ty::Int, &scope, 1, self.throws, self.rng);
        let condition = self.condition(&scope, 0, &Scope::default());
        let nulls = *self.rng.pick(&["", "include nulls "]);
        let of = format!(
            "(select {key} as g, {} from {from}{condition})",
            columns.join(", ")
        );
        let alias = self.fresh("up");
        (
            format!("select * from {of} unpivot {nulls}(v for c in (m, n, \"o p\")) as {alias}"),
            vec![
                ("g".to_owned(), Ty::Int),
                ("c".to_owned(), Ty::Text),
                ("v".to_owned(), ty),
            ],
        )
    }
}
