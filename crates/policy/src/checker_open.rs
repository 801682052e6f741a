//! The checker's own reading of steps 9 and 10: conditions added to a barrier, and a governed
//! relation without one. Shares nothing with what put them there.

use serde_json::Value;
use tree::grammar::text;

use crate::access::Access;
use crate::compile::SELF;
use crate::literal::type_tree;

/// Whether a query is `made`, policy's own for that relation, with nothing but harmless conditions
/// added.
pub(crate) fn is_barrier(query: &Value, made: Option<&Value>, access: &Access) -> bool {
    let Some(made) = made else {
        return false;
    };
    let mut own = tree::canonical(made);
    let mut sent = query.clone();
    let own_condition = own["node"]["where_clause"].take();
    let sent_condition = sent["node"]["where_clause"].take();
    own == sent && only_adds(&own_condition, &sent_condition, access)
}

/// Whether a whole statement shows plain columns of a governed relation, under its row rules.
pub(crate) fn is_open(tree: &Value, access: &Access) -> bool {
    let Some(barrier) = &access.barrier else {
        return false;
    };
    let own = tree::canonical(barrier);
    let node = &tree["node"];
    let nothing = [
        "group_expressions",
        "group_sets",
        "having",
        "qualify",
        "sample",
    ];
    let known = [
        "type",
        "modifiers",
        "cte_map",
        "select_list",
        "from_table",
        "where_clause",
        "aggregate_handling",
    ];
    let fields = node.as_object().into_iter().flatten();
    let shaped = fields
        .map(|(name, _)| name.as_str())
        .all(|name| nothing.contains(&name) && is_nothing(&node[name]) || known.contains(&name));
    let mut table = node["from_table"].clone();
    let plain_table = is_nothing(&table["sample"].take())
        && is_nothing(&table["column_name_alias"].take())
        && is_nothing(&table["at_clause"]);
    let items = node["select_list"].as_array().map(Vec::as_slice);
    let items = items.unwrap_or_default();
    let counted = matches!(items, [item] if is_count(item));
    shaped
        && plain_table
        && text(node, "type") == "SELECT_NODE"
        && text(node, "aggregate_handling") == "STANDARD_HANDLING"
        && is_nothing(&node["cte_map"]["map"])
        && !items.is_empty()
        && (counted || items.iter().all(|item| shown(item, access).is_some()))
        && only_adds(&own["node"]["where_clause"], &node["where_clause"], access)
        && node["modifiers"]
            .as_array()
            .is_some_and(|m| m.iter().all(|m| is_plain_modifier(m, access)))
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn is_count(item: &Value) -> bool {
    text(item, "function_name") == "count_star"
        && text(item, "type") == "FUNCTION"
        && is_nothing(&item["children"])
        && is_nothing(&item["filter"])
}

fn is_plain_modifier(modifier: &Value, access: &Access) -> bool {
    match text(modifier, "type") {
        "ORDER_MODIFIER" => modifier["orders"].as_array().is_some_and(|orders| {
            orders
                .iter()
                .all(|order| shown(&order["expression"], access).is_some())
        }),
        "LIMIT_MODIFIER" => ["limit", "offset"].iter().all(|bound| {
            let bound = &modifier[*bound];
            bound.is_null() || text(bound, "type") == "VALUE_CONSTANT"
        }),
        _ => false,
    }
}

/// Whether `sent` asks for all that `own` does, and beyond that only what can't fail on a row.
fn only_adds(own: &Value, sent: &Value, access: &Access) -> bool {
    let (own, sent) = (parts(own), parts(sent));
    sent.len() >= own.len()
        && sent[..own.len()] == own
        && sent[own.len()..]
            .iter()
            .all(|part| is_harmless(part, access))
}

fn parts(condition: &Value) -> Vec<Value> {
    match text(condition, "type") {
        "CONJUNCTION_AND" => condition["children"]
            .as_array()
            .cloned()
            .unwrap_or_default(),
        _ if condition.is_null() => vec![],
        _ => vec![condition.clone()],
    }
}

/// The type of a column of the relation that its reader sees as it is.
fn shown<'a>(expr: &Value, access: &'a Access) -> Option<&'a model::SqlType> {
    let names: Vec<&str> = expr["column_names"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match names.as_slice() {
        [SELF, name] if text(expr, "class") == "COLUMN_REF" => {
            let mut open = access.open.values();
            open.find(|(own, _)| own == name)
                .map(|(_, sql_type)| sql_type)
        }
        _ => None,
    }
}

/// A column compared with literals, or parameters, of its own type.
fn is_harmless(condition: &Value, access: &Access) -> bool {
    if !access.copies {
        return false;
    }
    let operands: Vec<&Value> = match text(condition, "class") {
        "COMPARISON" if !text(condition, "type").ends_with("DISTINCT_FROM") => {
            vec![&condition["left"], &condition["right"]]
        }
        "BETWEEN" if text(condition, "type") == "COMPARE_BETWEEN" => {
            vec![
                &condition["input"],
                &condition["lower"],
                &condition["upper"],
            ]
        }
        "OPERATOR" if text(condition, "type") == "COMPARE_IN" => condition["children"]
            .as_array()
            .into_iter()
            .flatten()
            .collect(),
        _ => return false,
    };
    let types: Vec<&model::SqlType> = operands.iter().filter_map(|o| shown(o, access)).collect();
    let [sql_type] = types.as_slice() else {
        return false;
    };
    let literals = operands.iter().filter(|o| shown(o, access).is_none());
    type_tree(sql_type).is_some_and(|wanted| literals.into_iter().all(|l| is_literal(l, &wanted)))
}

fn is_literal(expr: &Value, wanted: &Value) -> bool {
    let child = &expr["child"];
    let text_or_parameter = match text(child, "class") {
        "CONSTANT" => text(&child["value"]["type"], "id") == "VARCHAR",
        "PARAMETER" => true,
        _ => false,
    };
    text(expr, "class") == "CAST"
        && expr["try_cast"] == false
        && expr["cast_type"] == *wanted
        && text_or_parameter
}
