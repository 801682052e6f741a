//! Values that statements give to parameters: types of PREPARE, arguments of EXECUTE. They are
//! computed beside the data, in the sidecar.

use model::{Error, ErrorKind, ParamValue, Result, SqlType};
use plan::Statement;
use serde_json::Value;
use tree::grammar::text;
use tree::{Parser, Sidecar, build};

use crate::authorise::Context;
use crate::costly::is_costly;
use crate::rewrite::Rewriter;
use crate::rights::Rights;
use crate::seal::{Sealed, seal};
use crate::view::View;
use crate::write::type_of;

/// The types that texts name.
///
/// # Errors
/// `UndefinedObject`, or `Syntax` for what is no type.
pub fn parameter_types(
    texts: &[String],
    view: &View,
    sidecar: &Sidecar,
    parser: &Parser,
) -> Result<Vec<SqlType>> {
    let context = Context {
        view,
        sidecar,
        declared: &[],
        parser,
    };
    let named = |text: &String| {
        let cast = plan::parse_expression(&format!("cast(null as {text}\n)"), parser)
            .map_err(Error::without_position)?;
        if text_is_type(&cast) {
            return type_of(&context, &cast);
        }
        Err(Error::new(
            ErrorKind::Syntax,
            format!("\"{text}\" is not a type"),
        ))
    };
    texts.iter().map(named).collect()
}

fn text_is_type(cast: &Value) -> bool {
    text(cast, "class") == "CAST" && text(&cast["child"], "class") == "CONSTANT"
}

/// The values of `arguments`, a query without FROM, each converted to the type of its parameter.
///
/// # Errors
/// `Syntax` where their number is wrong; `NotSupported` for more than plain expressions, and for
/// types that no parameter can have; what is wrong with an expression.
pub fn constants(
    arguments: &str,
    types: &[SqlType],
    view: &View,
    sidecar: &Sidecar,
    time_zone: &str,
    parser: &Parser,
) -> Result<Vec<ParamValue>> {
    let context = Context {
        view,
        sidecar,
        declared: &[],
        parser,
    };
    let Statement::Query(query) = plan::parse(arguments, parser)? else {
        return Err(Error::internal("arguments are read as a query"));
    };
    let mut tree = query.tree;
    let items = items(&mut tree)?;
    if items.len() != types.len() {
        return Err(Error::new(
            ErrorKind::Syntax,
            "wrong number of parameters for the prepared statement",
        )
        .with_detail(format!(
            "expected {} parameters but got {}",
            types.len(),
            items.len()
        )));
    }
    let computed = items.iter().filter(|item| !is_literal(item)).cloned();
    if !items.iter().all(is_plain) || is_costly(&Value::Array(computed.collect())) {
        return Err(
            Error::not_supported("such an argument of EXECUTE").with_hint(
                "arguments are literals or plain expressions, without queries, lambdas, and long or \
                 costly computations",
            ),
        );
    }
    let mut encoders = Vec::with_capacity(types.len());
    for (i, (item, sql_type)) in items.iter_mut().zip(types).enumerate() {
        let name = format!("c{i}");
        encoders.push(encoder(sql_type, &name)?);
        let cast = build::cast(item.take(), context.type_tree(sql_type)?);
        *item = build::aliased(cast, &name);
    }
    // Names no sequence: what the sidecar drew would be of its own.
    Rewriter::new(Rights::of(view), parser).rewrite(&mut tree)?;
    // What the user may be told of is found in their own text.
    sidecar.describe(arguments)?;
    let Sealed { sql, expected, .. } = seal(&mut tree, Rights::of(view), parser)?;
    if !expected.relations.is_empty() {
        return Err(Error::internal("an argument reads a relation"));
    }
    let encoded = format!("select {} from ({sql}) as arguments", encoders.join(", "));
    let rows = sidecar
        .evaluate_in(&encoded, time_zone)
        .map_err(Error::without_position)?
        .into_rows();
    let [row] = rows.as_slice() else {
        return Err(Error::not_supported(
            "an argument of EXECUTE with several values",
        ));
    };
    row.iter()
        .zip(types)
        .map(|(text, sql_type)| match text {
            None => Ok(ParamValue::Null),
            Some(text) => decode(sql_type, text)
                .ok_or_else(|| Error::internal("an argument is not what it was encoded as")),
        })
        .collect()
}

/// The expressions of `select …`, if there is nothing but them.
fn items(tree: &mut Value) -> Result<&mut Vec<Value>> {
    let node = &mut tree["node"];
    let absent = ["where_clause", "having", "sample", "qualify"];
    let empty = ["modifiers", "group_expressions", "group_sets"];
    let is_bare = text(node, "type") == "SELECT_NODE"
        && text(&node["from_table"], "type") == "EMPTY"
        && absent.iter().all(|field| node[*field].is_null())
        && empty
            .iter()
            .all(|field| node[*field] == Value::Array(vec![]))
        && node["cte_map"]["map"] == Value::Array(vec![]);
    match node["select_list"].as_array_mut() {
        Some(items) if is_bare => Ok(items),
        _ => Err(Error::new(
            ErrorKind::Syntax,
            "arguments of EXECUTE are a list of expressions",
        )),
    }
}

fn is_literal(expr: &Value) -> bool {
    match text(expr, "class") {
        "CAST" => is_literal(&expr["child"]),
        class => class == "CONSTANT",
    }
}

/// Whether an expression has no query, parameter or star in it.
fn is_plain(expr: &Value) -> bool {
    match expr {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => {
            !matches!(
                text(expr, "class"),
                "SUBQUERY" | "PARAMETER" | "STAR" | "WINDOW"
            ) && fields.values().all(is_plain)
        }
        _ => true,
    }
}

/// How a value of this type is written as a text that [`decode`] reads.
fn encoder(sql_type: &SqlType, column: &str) -> Result<String> {
    use SqlType::{
        Array, Blob, Date, Geometry, Interval, List, Map, Struct, Time, TimeNs, Timestamp,
        TimestampMs, TimestampNs, TimestampS, TimestampTz, Union, Variant,
    };
    Ok(match sql_type {
        Date => format!("({column} - date '1970-01-01')::varchar"),
        Time | Timestamp | TimestampTz => format!("epoch_us({column})::varchar"),
        TimestampS | TimestampMs | TimestampNs => format!("epoch_us({column}::timestamp)::varchar"),
        Blob => format!("hex({column})"),
        Interval | TimeNs | List(_) | Array(..) | Struct(_) | Map(..) | Union(_) | Variant
        | Geometry => {
            return Err(Error::not_supported(format_args!(
                "an argument of type {sql_type} in EXECUTE"
            ))
            .with_hint("declare the parameter as text, and cast it in the statement"));
        }
        _ => format!("{column}::varchar"),
    })
}

fn decode(sql_type: &SqlType, text: &str) -> Option<ParamValue> {
    use ParamValue as P;
    use SqlType as T;
    Some(match sql_type {
        T::Boolean => P::Boolean(text == "true"),
        T::TinyInt => P::TinyInt(text.parse().ok()?),
        T::SmallInt => P::SmallInt(text.parse().ok()?),
        T::Integer => P::Integer(text.parse().ok()?),
        T::BigInt => P::BigInt(text.parse().ok()?),
        T::HugeInt => P::HugeInt(text.parse().ok()?),
        T::UTinyInt => P::UTinyInt(text.parse().ok()?),
        T::USmallInt => P::USmallInt(text.parse().ok()?),
        T::UInteger => P::UInteger(text.parse().ok()?),
        T::UBigInt => P::UBigInt(text.parse().ok()?),
        T::Float => P::Float(text.parse().ok()?),
        T::Double => P::Double(text.parse().ok()?),
        T::Decimal { width, scale } => P::Decimal {
            unscaled: text.replace('.', "").parse().ok()?,
            width: *width,
            scale: *scale,
        },
        T::Blob => P::Blob(bytes(text)?),
        T::Uuid => P::Uuid(u128::from_str_radix(&text.replace('-', ""), 16).ok()?),
        T::Date => P::Date(text.parse().ok()?),
        T::Time => P::Time(text.parse().ok()?),
        T::Timestamp | T::TimestampS | T::TimestampMs | T::TimestampNs => {
            P::Timestamp(text.parse().ok()?)
        }
        T::TimestampTz => P::TimestampTz(text.parse().ok()?),
        _ => P::Varchar(text.to_owned()),
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_values_they_were_written_from() {
        let decimal = SqlType::Decimal { width: 9, scale: 2 };
        let value = ParamValue::Decimal {
            unscaled: -50,
            width: 9,
            scale: 2,
        };
        assert_eq!(decode(&decimal, "-0.50"), Some(value));
        assert_eq!(
            decode(&SqlType::Blob, "00FF"),
            Some(ParamValue::Blob(vec![0, 255]))
        );
        assert_eq!(
            decode(&SqlType::Double, "inf"),
            Some(ParamValue::Double(f64::INFINITY))
        );
        assert_eq!(decode(&SqlType::Date, "inf"), None);
        let uuid = "00000000-0000-0000-0000-0000000000ff";
        assert_eq!(decode(&SqlType::Uuid, uuid), Some(ParamValue::Uuid(255)));
    }
}
