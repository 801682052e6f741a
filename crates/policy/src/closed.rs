//! Step 10 of the rewriting: where a whole statement shows plain columns of one governed relation,
//! filtered by what can't fail, nothing of the user's runs on a hidden row even without a barrier.
//! DuckDB then does a top-N or a look-up as it would without policy.

use model::fold;
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

use crate::access::Access;
use crate::compile::SELF;
use crate::copies::{Asked, aliases, asked};
use crate::from::{From, governed};
use crate::view::View;

/// Leaves the barrier out of a statement of that shape: `select <plain columns | count(*)> from t
/// [where <copies>] [order by <plain columns>] [limit n]`.
pub(crate) fn open(query: &mut Value, view: &View) {
    if let Some(open) = opened(&query["node"], view) {
        query["node"] = open;
    }
}

fn opened(node: &Value, view: &View) -> Option<Value> {
    let table = &node["from_table"];
    let is_empty = |name: &str| node[name].as_array().is_none_or(Vec::is_empty);
    let plain = text(node, "type") == "SELECT_NODE"
        && node["cte_map"]["map"].as_array().is_none_or(Vec::is_empty)
        && ["group_expressions", "group_sets"]
            .into_iter()
            .all(is_empty)
        && ["having", "qualify", "sample"]
            .iter()
            .all(|name| node[*name].is_null())
        && text(node, "aggregate_handling") == "STANDARD_HANDLING"
        && table["sample"].is_null()
        && table["column_name_alias"]
            .as_array()
            .is_none_or(Vec::is_empty);
    let access = governed(table, view).filter(|_| plain)?;
    let shape = Shape {
        access,
        from: From::of(table, &Value::Null, view)?,
        aliases: aliases(&node["select_list"]),
        items: node["select_list"].as_array()?,
        alias: fold(text(table, "alias")),
    };
    // The copies are in the barrier by now, unless there was one of them only in part.
    let all = asked(&node["where_clause"])?;
    let copied = all.iter().filter(|c| {
        let asked = Asked::of(c, &shape.from, &shape.aliases);
        asked.is_some_and(|asked| asked.is_copied(&shape.from))
    });
    let copied = copied.count();
    if copied != all.len() {
        return None;
    }
    let mut open = node.clone();
    open["select_list"] = json!(shape.select_list()?);
    open["modifiers"] = json!(shape.modifiers(&node["modifiers"])?);
    open["from_table"] = build::base_table(&access.name, SELF);
    open["where_clause"] = table["subquery"]["node"]["where_clause"].clone();
    Some(open)
}

struct Shape<'a> {
    access: &'a Access,
    from: From<'a>,
    aliases: Vec<String>,
    items: &'a [Value],
    alias: String,
}

impl Shape<'_> {
    fn select_list(&self) -> Option<Vec<Value>> {
        if let [item] = self.items {
            if is_plain_count(item) {
                return Some(vec![item.clone()]);
            }
            if self.is_plain_star(item) {
                return self.all_columns();
            }
        }
        self.items
            .iter()
            .map(|item| self.column(item, &[]))
            .collect()
    }

    fn all_columns(&self) -> Option<Vec<Value>> {
        let columns = self.access.columns.iter();
        columns
            .map(|c| {
                let (name, _) = self.access.open.get(&fold(&c.name))?;
                Some(build::column(&[SELF, name]))
            })
            .collect()
    }

    fn is_plain_star(&self, item: &Value) -> bool {
        let lists = [
            "exclude_list",
            "qualified_exclude_list",
            "replace_list",
            "rename_list",
        ];
        let name = text(item, "relation_name");
        text(item, "class") == "STAR"
            && item["columns"] == false
            && item["expr"].is_null()
            && (name.is_empty() || fold(name) == self.alias)
            && lists
                .iter()
                .all(|l| item[*l].as_array().is_none_or(Vec::is_empty))
    }

    /// A column shown as it is.
    fn column(&self, reference: &Value, aliases: &[String]) -> Option<Value> {
        let column = self.from.column(reference, aliases)?;
        Some(build::column(&[SELF, column.name]))
    }

    fn modifiers(&self, modifiers: &Value) -> Option<Vec<Value>> {
        let modifiers = modifiers.as_array()?.iter();
        modifiers
            .map(|modifier| match text(modifier, "type") {
                "ORDER_MODIFIER" => {
                    let mut ordered = modifier.clone();
                    for order in ordered["orders"].as_array_mut()? {
                        order["expression"] = self.ordered_by(&order["expression"])?;
                    }
                    Some(ordered)
                }
                "LIMIT_MODIFIER" => {
                    let bounds = ["limit", "offset"];
                    let plain = bounds.iter().all(|bound| is_count(&modifier[*bound]));
                    plain.then(|| modifier.clone())
                }
                _ => None,
            })
            .collect()
    }

    /// ORDER BY knows the select list's aliases first.
    fn ordered_by(&self, expr: &Value) -> Option<Value> {
        let names = expr["column_names"].as_array()?;
        let [Value::String(name)] = names.as_slice() else {
            return self.column(expr, &[]);
        };
        let mut named = self
            .items
            .iter()
            .filter(|item| fold(text(item, "alias")) == fold(name));
        match (named.next(), named.next()) {
            (None, _) => self.column(expr, &self.aliases),
            (Some(item), None) => self.column(item, &[]),
            (Some(_), Some(_)) => None,
        }
    }
}

fn is_plain_count(item: &Value) -> bool {
    let none = |field: &Value| field.as_array().is_none_or(Vec::is_empty);
    text(item, "class") == "FUNCTION"
        && text(item, "function_name") == "count_star"
        && none(&item["children"])
        && item["filter"].is_null()
        && none(&item["order_bys"]["orders"])
        && item["distinct"] == false
}

/// A whole number in the text, or nothing.
fn is_count(expr: &Value) -> bool {
    expr.is_null() || text(expr, "class") == "CONSTANT" && expr["value"]["value"].is_u64()
}
