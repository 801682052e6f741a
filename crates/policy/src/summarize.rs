//! SUMMARIZE, written out as the query that DuckDB makes of it: figures about each column of a query,
//! a row for each. What stands here goes through the rewriting like any other query.

use model::{Error, ErrorKind, Result, ResultColumn, SqlType};
use plan::{Query, Summarize};
use serde_json::{Value, json};
use tree::build;

use crate::authorise::Context;
use crate::inquiry::type_names;
use crate::rewrite::Rewriter;
use crate::rights::Rights;

/// The alias of what is summarized.
const SOURCE: &str = "summarize_tbl";

/// The query that answers.
pub(crate) fn query(context: &Context<'_>, summarize: &Summarize) -> Result<Query> {
    let inner = &summarize.query;
    // Names and functions are judged before anything binds the text.
    Rewriter::new(Rights::of(context.view), context.parser).rewrite(&mut inner.tree.clone())?;
    let described = context.sidecar.describe(&inner.text)?;
    let schema = described.schema.ok_or_else(|| {
        Error::new(
            ErrorKind::IndeterminateDatatype,
            "could not determine the types of the columns",
        )
        .with_hint("add a cast to the parameter")
    })?;
    let names: Vec<String> = (1..=schema.columns.len())
        .map(|i| format!("c{i}"))
        .collect();
    let mut figures = Figures::default();
    let percentage = context.type_tree(&SqlType::Decimal { width: 9, scale: 2 })?;
    let types: Vec<SqlType> = schema.columns.iter().map(|c| c.sql_type.clone()).collect();
    let types = type_names(context, &types)?;
    for ((column, name), type_name) in schema.columns.iter().zip(&names).zip(&types) {
        figures.add(name, column, type_name, &percentage);
    }
    let source = build::subquery(inner.tree.clone(), SOURCE, json!(names), Value::Null);
    let mut tree = build::select(figures.items(), source, None, false);
    tree["named_param_map"] = tree["node"]["from_table"]["subquery"]["named_param_map"].take();
    tree["node"]["from_table"]["subquery"]["named_param_map"] = json!([]);
    Ok(Query {
        text: summarize.text.clone(),
        tree,
    })
}

/// The columns of the answer, each a list with an element for each column summarized.
#[derive(Default)]
struct Figures([Vec<Value>; 12]);

/// Their names, as DuckDB gives them.
const NAMES: [&str; 12] = [
    "column_name",
    "column_type",
    "min",
    "max",
    "approx_unique",
    "avg",
    "std",
    "q25",
    "q50",
    "q75",
    "count",
    "null_percentage",
];

impl Figures {
    fn add(&mut self, name: &str, column: &ResultColumn, type_name: &str, percentage: &Value) {
        let sql_type = &column.sql_type;
        let of = |function: &str| call(function, vec![build::column(&[SOURCE, name])]);
        let text = |value| build::cast(value, plain("VARCHAR"));
        let figure = |function: &str, wanted: bool| match wanted {
            true => text(of(function)),
            false => build::null(),
        };
        let quantile = |at: &str| match sql_type.is_numeric() || is_temporal(sql_type) {
            true => {
                let arguments = vec![build::column(&[SOURCE, name]), build::literal(at, "FLOAT")];
                text(call("approx_quantile", arguments))
            }
            false => build::null(),
        };
        let values = [
            build::literal(&column.name, "VARCHAR"),
            build::literal(type_name, "VARCHAR"),
            text(of("min")),
            text(of("max")),
            build::cast(of("approx_count_distinct"), plain("BIGINT")),
            figure("avg", sql_type.is_numeric() || is_temporal(sql_type)),
            figure("stddev", sql_type.is_numeric()),
            quantile("0.25"),
            quantile("0.5"),
            quantile("0.75"),
            call("count_star", vec![]),
            null_percentage(of("count"), percentage),
        ];
        for (list, value) in self.0.iter_mut().zip(values) {
            list.push(value);
        }
    }

    fn items(self) -> Vec<Value> {
        let unnested = |values| call("unnest", vec![build::list(values)]);
        self.0
            .into_iter()
            .zip(NAMES)
            .map(|(values, name)| build::aliased(unnested(values), name))
            .collect()
    }
}

/// `cast(case when count(*) > 0 then (1 - count(c) / count(*)) * 100 end as decimal(9, 2))`.
fn null_percentage(count: Value, percentage: &Value) -> Value {
    let double = |value| build::cast(value, plain("DOUBLE"));
    let present = operator("/", double(count), double(call("count_star", vec![])));
    let absent = operator("-", build::literal("1", "DOUBLE"), present);
    let scaled = operator("*", absent, build::literal("100", "DOUBLE"));
    let any_rows = json!({
        "class": "COMPARISON", "type": "COMPARE_GREATERTHAN", "alias": "", "query_location": build::NOWHERE,
        "left": call("count_star", vec![]), "right": build::literal("0", "BIGINT")
    });
    build::cast(
        build::case(any_rows, scaled, build::null()),
        percentage.clone(),
    )
}

fn call(function: &str, arguments: Vec<Value>) -> Value {
    json!({
        "class": "FUNCTION", "type": "FUNCTION", "alias": "", "query_location": build::NOWHERE,
        "function_name": function, "schema": "", "children": arguments, "filter": null,
        "order_bys": {"type": "ORDER_MODIFIER", "orders": []}, "distinct": false, "is_operator": false,
        "export_state": false, "catalog": ""
    })
}

fn operator(name: &str, left: Value, right: Value) -> Value {
    let mut call = call(name, vec![left, right]);
    call["is_operator"] = json!(true);
    call
}

fn plain(type_id: &str) -> Value {
    json!({"id": type_id, "type_info": null})
}

/// What DuckDB calls temporal.
fn is_temporal(sql_type: &SqlType) -> bool {
    use SqlType::{
        Date, Time, TimeNs, TimeTz, Timestamp, TimestampMs, TimestampNs, TimestampS, TimestampTz,
    };
    matches!(
        sql_type,
        Date | Time
            | TimeNs
            | TimeTz
            | Timestamp
            | TimestampS
            | TimestampMs
            | TimestampNs
            | TimestampTz
    )
}
