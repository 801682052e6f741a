//! The closed grammar of DuckDB 1.5's serialised tree: which nodes there are, which fields each
//! has, and of what kind. A node, field or value that is not listed here is refused, so that a new
//! DuckDB fails closed.
//!
//! Source: what `json_serialize_sql` of DuckDB 1.5.5 prints.

use model::{Error, Result};
use serde_json::Value;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// An offset into the text; means nothing.
    Location,
    /// A string that DuckDB prints quoted, as a name or a literal.
    Text,
    /// Strings that DuckDB prints quoted.
    Texts,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The empty string: the feature behind it is refused.
    NoText,
    /// `false`: the feature behind it is refused.
    NoFlag,
    /// `null` or `[]`: the feature behind it is refused.
    Nothing,
    /// An expression.
    Expr,
    /// An expression or `null`.
    MaybeExpr,
    /// Expressions.
    Exprs,
    /// Rows of expressions.
    ExprRows,
    /// A query inside a statement: a node and its parameters.
    Query,
    /// A query node.
    Node,
    /// A query node or `null`.
    MaybeNode,
    /// An item of FROM.
    Table,
    /// ORDER BY, LIMIT, DISTINCT of a node.
    Modifiers,
    /// The ORDER BY inside a function call.
    OrderModifier,
    /// Items of an ORDER BY.
    Orders,
    /// WITH.
    Ctes,
    /// WHEN … THEN ….
    Cases,
    /// A constant.
    Constant,
    /// A type.
    Type,
    /// Types.
    Types,
    /// The particulars of a type, or `null`.
    TypeInfo,
    /// Fields of a STRUCT or UNION type.
    TypeFields,
    /// Labels of an ENUM type.
    Labels,
    /// TABLESAMPLE or `null`.
    MaybeSample,
    /// `* REPLACE (…)`.
    Replacements,
    /// `* RENAME (…)`.
    Renames,
    /// `* EXCLUDE (t.c)`.
    QualifiedNames,
    /// Grouping sets: lists of numbers.
    GroupSets,
    /// What a PIVOT or UNPIVOT turns: expressions, and the values or columns that they meet.
    Pivots,
    /// Items of the IN list of a PIVOT or UNPIVOT.
    PivotEntries,
    /// Constants that stand by themselves.
    Constants,
    /// Parameters by name.
    Parameters,
}

/// A field's name and kind.
pub type Fields = &'static [(&'static str, Field)];

macro_rules! expr {
    ($types:expr $(, $field:literal : $kind:expr)*) => {
        &[
            ("class", Field::Text), ("type", Field::Choice($types)), ("alias", Field::Text),
            ("query_location", Field::Location) $(, ($field, $kind))*
        ]
    };
}

macro_rules! table {
    ($($field:literal : $kind:expr),*) => {
        &[
            ("type", Field::Text), ("alias", Field::Text), ("sample", Field::MaybeSample),
            ("query_location", Field::Location) $(, ($field, $kind))*
        ]
    };
}

macro_rules! node {
    ($($field:literal : $kind:expr),*) => {
        &[("type", Field::Text), ("modifiers", Field::Modifiers), ("cte_map", Field::Ctes) $(, ($field, $kind))*]
    };
}

const COMPARISONS: &[&str] = &[
    "COMPARE_EQUAL",
    "COMPARE_NOTEQUAL",
    "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_DISTINCT_FROM",
    "COMPARE_NOT_DISTINCT_FROM",
];

const SUBQUERY_COMPARISONS: &[&str] = &[
    "INVALID",
    "COMPARE_EQUAL",
    "COMPARE_NOTEQUAL",
    "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO",
];

const OPERATORS: &[&str] = &[
    "ARRAY_CONSTRUCTOR",
    "ARRAY_EXTRACT",
    "ARRAY_SLICE",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "GROUPING_FUNCTION",
    "OPERATOR_COALESCE",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_IS_NULL",
    "OPERATOR_NOT",
    "OPERATOR_TRY",
    "OPERATOR_UNPACK",
    "STRUCT_EXTRACT",
];

const WINDOWS: &[&str] = &[
    "WINDOW_AGGREGATE",
    "WINDOW_CUME_DIST",
    "WINDOW_FILL",
    "WINDOW_FIRST_VALUE",
    "WINDOW_LAG",
    "WINDOW_LAST_VALUE",
    "WINDOW_LEAD",
    "WINDOW_NTH_VALUE",
    "WINDOW_NTILE",
    "WINDOW_PERCENT_RANK",
    "WINDOW_RANK",
    "WINDOW_RANK_DENSE",
    "WINDOW_ROW_NUMBER",
];

const BOUNDARIES: &[&str] = &[
    "UNBOUNDED_PRECEDING",
    "UNBOUNDED_FOLLOWING",
    "CURRENT_ROW_RANGE",
    "CURRENT_ROW_ROWS",
    "CURRENT_ROW_GROUPS",
    "EXPR_PRECEDING_ROWS",
    "EXPR_FOLLOWING_ROWS",
    "EXPR_PRECEDING_RANGE",
    "EXPR_FOLLOWING_RANGE",
    "EXPR_PRECEDING_GROUPS",
    "EXPR_FOLLOWING_GROUPS",
];

const ORDER_TYPES: &[&str] = &["ORDER_DEFAULT", "ASCENDING", "DESCENDING"];
const NULL_ORDERS: &[&str] = &["ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST"];

fn expr_fields(class: &str) -> Option<Fields> {
    Some(match class {
        "BETWEEN" => {
            expr!(&["COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"], "input": Field::Expr, "lower": Field::Expr, "upper": Field::Expr)
        }
        "CASE" => expr!(&["CASE_EXPR"], "case_checks": Field::Cases, "else_expr": Field::Expr),
        "CAST" => {
            expr!(&["OPERATOR_CAST"], "child": Field::Expr, "cast_type": Field::Type, "try_cast": Field::Flag)
        }
        "COLLATE" => expr!(&["COLLATE"], "child": Field::Expr, "collation": Field::Text),
        "COLUMN_REF" => expr!(&["COLUMN_REF"], "column_names": Field::Texts),
        "COMPARISON" => expr!(COMPARISONS, "left": Field::Expr, "right": Field::Expr),
        "CONJUNCTION" => expr!(&["CONJUNCTION_AND", "CONJUNCTION_OR"], "children": Field::Exprs),
        "CONSTANT" => expr!(&["VALUE_CONSTANT"], "value": Field::Constant),
        "FUNCTION" => expr!(
            &["FUNCTION"], "function_name": Field::Text, "schema": Field::Text, "children": Field::Exprs,
            "filter": Field::MaybeExpr, "order_bys": Field::OrderModifier, "distinct": Field::Flag,
            "is_operator": Field::Flag, "export_state": Field::NoFlag, "catalog": Field::Text
        ),
        "LAMBDA" => expr!(&["LAMBDA"], "lhs": Field::Expr, "expr": Field::Expr),
        "OPERATOR" => expr!(OPERATORS, "children": Field::Exprs),
        "PARAMETER" => expr!(&["VALUE_PARAMETER"], "identifier": Field::Text),
        "POSITIONAL_REFERENCE" => expr!(&["POSITIONAL_REFERENCE"], "index": Field::Number),
        "STAR" => expr!(
            &["STAR"], "relation_name": Field::Text, "exclude_list": Field::Texts,
            "replace_list": Field::Replacements, "columns": Field::Flag, "expr": Field::MaybeExpr,
            "qualified_exclude_list": Field::QualifiedNames, "rename_list": Field::Renames
        ),
        "SUBQUERY" => expr!(
            &["SUBQUERY"], "subquery_type": Field::Choice(&["ANY", "EXISTS", "NOT_EXISTS", "SCALAR"]),
            "subquery": Field::Query, "child": Field::MaybeExpr,
            "comparison_type": Field::Choice(SUBQUERY_COMPARISONS)
        ),
        "WINDOW" => expr!(
            WINDOWS, "function_name": Field::Text, "schema": Field::Text, "catalog": Field::Text,
            "children": Field::Exprs, "partitions": Field::Exprs, "orders": Field::Orders,
            "start": Field::Choice(BOUNDARIES), "end": Field::Choice(BOUNDARIES),
            "start_expr": Field::MaybeExpr, "end_expr": Field::MaybeExpr, "offset_expr": Field::MaybeExpr,
            "default_expr": Field::MaybeExpr, "ignore_nulls": Field::Flag, "filter_expr": Field::MaybeExpr,
            "exclude_clause": Field::Choice(&["NO_OTHER", "CURRENT_ROW", "GROUP", "TIES"]),
            "distinct": Field::Flag, "arg_orders": Field::Orders
        ),
        _ => return None,
    })
}

fn table_fields(kind: &str) -> Option<Fields> {
    Some(match kind {
        "BASE_TABLE" => table!(
            "schema_name": Field::Text, "table_name": Field::Text, "column_name_alias": Field::Texts,
            "catalog_name": Field::Text, "at_clause": Field::Nothing
        ),
        "EMPTY" => table!(),
        "EXPRESSION_LIST" => table!(
            "expected_names": Field::Texts, "expected_types": Field::Types, "values": Field::ExprRows
        ),
        "JOIN" => table!(
            "left": Field::Table, "right": Field::Table, "condition": Field::MaybeExpr,
            "join_type": Field::Choice(&["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"]),
            "ref_type": Field::Choice(&["REGULAR", "NATURAL", "CROSS", "POSITIONAL", "ASOF"]),
            "using_columns": Field::Texts, "delim_flipped": Field::NoFlag,
            "duplicate_eliminated_columns": Field::Nothing
        ),
        "PIVOT" => table!(
            "source": Field::Table, "aggregates": Field::Exprs, "unpivot_names": Field::Texts,
            "pivots": Field::Pivots, "groups": Field::Texts, "column_name_alias": Field::Texts,
            "include_nulls": Field::Flag
        ),
        "SUBQUERY" => table!("subquery": Field::Query, "column_name_alias": Field::Texts),
        "TABLE_FUNCTION" => table!(
            "function": Field::Expr, "column_name_alias": Field::Texts,
            "with_ordinality": Field::Choice(&["WITHOUT_ORDINALITY", "WITH_ORDINALITY"])
        ),
        _ => return None,
    })
}

fn node_fields(kind: &str) -> Option<Fields> {
    Some(match kind {
        "SELECT_NODE" => node!(
            "select_list": Field::Exprs, "from_table": Field::Table, "where_clause": Field::MaybeExpr,
            "group_expressions": Field::Exprs, "group_sets": Field::GroupSets,
            "aggregate_handling": Field::Choice(&["STANDARD_HANDLING", "NO_AGGREGATES_ALLOWED", "FORCE_AGGREGATES"]),
            "having": Field::MaybeExpr, "sample": Field::MaybeSample, "qualify": Field::MaybeExpr
        ),
        "SET_OPERATION_NODE" => node!(
            "setop_type": Field::Choice(&["UNION", "EXCEPT", "INTERSECT", "UNION_BY_NAME"]),
            "left": Field::Node, "right": Field::Node, "setop_all": Field::Flag
        ),
        "RECURSIVE_CTE_NODE" => node!(
            "cte_name": Field::Text, "union_all": Field::Flag, "left": Field::Node, "right": Field::Node,
            "aliases": Field::Texts, "key_targets": Field::Exprs
        ),
        _ => return None,
    })
}

fn modifier_fields(kind: &str) -> Option<Fields> {
    Some(match kind {
        "ORDER_MODIFIER" => &[("type", Field::Text), ("orders", Field::Orders)],
        "LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER" => &[
            ("type", Field::Text),
            ("limit", Field::MaybeExpr),
            ("offset", Field::MaybeExpr),
        ],
        "DISTINCT_MODIFIER" => &[("type", Field::Text), ("distinct_on_targets", Field::Exprs)],
        _ => return None,
    })
}

fn type_info_fields(kind: &str) -> Option<Fields> {
    Some(match kind {
        "DECIMAL_TYPE_INFO" => &[
            ("type", Field::Text),
            ("alias", Field::NoText),
            ("extension_info", Field::Nothing),
            ("width", Field::Number),
            ("scale", Field::Number),
        ],
        "LIST_TYPE_INFO" => &[
            ("type", Field::Text),
            ("alias", Field::NoText),
            ("extension_info", Field::Nothing),
            ("child_type", Field::Type),
        ],
        "ARRAY_TYPE_INFO" => &[
            ("type", Field::Text),
            ("alias", Field::NoText),
            ("extension_info", Field::Nothing),
            ("child_type", Field::Type),
            ("size", Field::Number),
        ],
        "STRUCT_TYPE_INFO" => &[
            ("type", Field::Text),
            ("alias", Field::NoText),
            ("extension_info", Field::Nothing),
            ("child_types", Field::TypeFields),
        ],
        "UNBOUND_TYPE_INFO" => &[
            ("type", Field::Text),
            ("alias", Field::NoText),
            ("extension_info", Field::Nothing),
            ("name", Field::Text),
            ("catalog", Field::NoText),
            ("schema", Field::NoText),
            ("user_type_modifiers", Field::Labels),
        ],
        _ => return None,
    })
}

pub(crate) const QUERY: Fields = &[
    ("node", Field::Node),
    ("named_param_map", Field::Parameters),
];
pub(crate) const ORDER: Fields = &[
    ("type", Field::Choice(ORDER_TYPES)),
    ("null_order", Field::Choice(NULL_ORDERS)),
    ("expression", Field::Expr),
];
pub(crate) const CTE_MAP: Fields = &[("map", Field::Ctes)];
pub(crate) const CTE_ENTRY: Fields = &[("key", Field::Text), ("value", Field::Ctes)];
pub(crate) const CTE_INFO: Fields = &[
    ("aliases", Field::Texts),
    ("query", Field::Query),
    (
        "materialized",
        Field::Choice(&[
            "CTE_MATERIALIZE_DEFAULT",
            "CTE_MATERIALIZE_ALWAYS",
            "CTE_MATERIALIZE_NEVER",
        ]),
    ),
    ("key_targets", Field::Exprs),
];
pub(crate) const CASE: Fields = &[("when_expr", Field::Expr), ("then_expr", Field::Expr)];
pub(crate) const CONSTANT: Fields = &[
    ("type", Field::Type),
    ("is_null", Field::Flag),
    ("value", Field::Text),
];
pub(crate) const TYPE: Fields = &[("id", Field::Text), ("type_info", Field::TypeInfo)];
pub(crate) const TYPE_FIELD: Fields = &[("first", Field::Text), ("second", Field::Type)];
pub(crate) const SAMPLE: Fields = &[
    ("sample_size", Field::Constant),
    ("is_percentage", Field::Flag),
    (
        "method",
        Field::Choice(&["System", "Bernoulli", "Reservoir"]),
    ),
    ("seed", Field::Number),
];
pub(crate) const REPLACEMENT: Fields = &[("key", Field::Text), ("value", Field::Expr)];
pub(crate) const QUALIFIED: Fields = &[
    ("catalog", Field::Text),
    ("schema", Field::Text),
    ("table", Field::Text),
    ("column", Field::Text),
];
pub(crate) const RENAME: Fields = &[("key", Field::QualifiedNames), ("value", Field::Text)];
pub(crate) const PIVOT: Fields = &[
    ("pivot_expressions", Field::Exprs),
    ("unpivot_names", Field::Texts),
    ("entries", Field::PivotEntries),
    // Values from an ENUM type of the user's own.
    ("pivot_enum", Field::NoText),
];
pub(crate) const PIVOT_ENTRY: Fields = &[
    ("values", Field::Constants),
    ("star_expr", Field::MaybeExpr),
    ("alias", Field::Text),
];
pub(crate) const PARAMETER: Fields = &[("key", Field::Text), ("value", Field::Number)];

/// The fields of an expression, query node, FROM item, modifier or type info, by its own tag.
///
/// # Errors
/// `NotSupported` for a tag that is not in the grammar.
pub fn fields(value: &Value, field: Field) -> Result<Fields> {
    let (tag, found) = match field {
        Field::Expr | Field::MaybeExpr => {
            let tag = text(value, "class");
            (tag, expr_fields(tag))
        }
        Field::Table => {
            let tag = text(value, "type");
            (tag, table_fields(tag))
        }
        Field::Node | Field::MaybeNode => {
            let tag = text(value, "type");
            (tag, node_fields(tag))
        }
        Field::Modifiers | Field::OrderModifier => {
            let tag = text(value, "type");
            (tag, modifier_fields(tag))
        }
        Field::TypeInfo => {
            let tag = text(value, "type");
            (tag, type_info_fields(tag))
        }
        Field::Query => ("query", Some(QUERY)),
        _ => ("", None),
    };
    found.ok_or_else(|| refused_tag(tag))
}

fn refused_tag(tag: &str) -> Error {
    match tag {
        "SHOW_REF" => Error::not_supported("DESCRIBE, SHOW or SUMMARIZE inside a query"),
        "DEFAULT" => Error::not_supported("DEFAULT outside of INSERT"),
        "ENUM_TYPE_INFO" => Error::not_supported("an ENUM type in a statement"),
        _ => Error::not_supported(format_args!(
            "this form of SQL ({})",
            tag.to_ascii_lowercase()
        )),
    }
}

/// A string field, or the empty string.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
