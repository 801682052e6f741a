//! Walking a checked tree by its grammar, so that no field is forgotten.

use model::Result;
use serde_json::Value;

use crate::grammar::{self, Field};

/// Called with a part of the tree and its kind: `Expr`, `Node`, `Table`, `Query`, `Type`,
/// `Constant` or `MaybeSample`.
pub type Visit<'a> = dyn FnMut(&mut Value, Field) -> Result<()> + 'a;

/// Calls `visit` once for each direct part of an expression, query node, FROM item or query,
/// in the grammar's order. `null`s are left out.
pub fn children(value: &mut Value, field: Field, visit: &mut Visit<'_>) -> Result<()> {
    for (name, kind) in grammar::fields(value, field)? {
        part(&mut value[*name], *kind, visit)?;
    }
    Ok(())
}

/// Calls `visit` for the parts of one field.
pub fn part(value: &mut Value, field: Field, visit: &mut Visit<'_>) -> Result<()> {
    match field {
        _ if value.is_null() => Ok(()),
        Field::Expr | Field::MaybeExpr => visit(value, Field::Expr),
        Field::Node | Field::MaybeNode => visit(value, Field::Node),
        Field::Table | Field::Query | Field::Type | Field::Constant | Field::MaybeSample => {
            visit(value, field)
        }
        Field::OrderModifier => children(value, Field::OrderModifier, visit),
        Field::Exprs => each(value, |v| visit(v, Field::Expr)),
        Field::Types => each(value, |v| visit(v, Field::Type)),
        Field::ExprRows => each(value, |row| each(row, |v| visit(v, Field::Expr))),
        Field::Modifiers => each(value, |v| children(v, Field::Modifiers, visit)),
        Field::Orders => each(value, |v| visit(&mut v["expression"], Field::Expr)),
        Field::Replacements => each(value, |v| visit(&mut v["value"], Field::Expr)),
        Field::Cases => each(value, |v| {
            visit(&mut v["when_expr"], Field::Expr)?;
            visit(&mut v["then_expr"], Field::Expr)
        }),
        Field::Pivots => each(value, |pivot| {
            part(&mut pivot["pivot_expressions"], Field::Exprs, visit)?;
            part(&mut pivot["entries"], Field::PivotEntries, visit)
        }),
        Field::PivotEntries => each(value, |entry| {
            part(&mut entry["values"], Field::Constants, visit)?;
            part(&mut entry["star_expr"], Field::MaybeExpr, visit)
        }),
        Field::Constants => each(value, |v| visit(v, Field::Constant)),
        Field::Ctes => each(&mut value["map"], |entry| {
            let info = &mut entry["value"];
            visit(&mut info["query"], Field::Query)?;
            part(&mut info["key_targets"], Field::Exprs, visit)
        }),
        Field::Location
        | Field::Text
        | Field::Texts
        | Field::NoText
        | Field::Flag
        | Field::NoFlag
        | Field::Number
        | Field::Nothing
        | Field::Choice(_)
        | Field::TypeInfo
        | Field::TypeFields
        | Field::Labels
        | Field::Renames
        | Field::QualifiedNames
        | Field::GroupSets
        | Field::Parameters => Ok(()),
    }
}

fn each(value: &mut Value, mut visit: impl FnMut(&mut Value) -> Result<()>) -> Result<()> {
    value
        .as_array_mut()
        .map_or(Ok(()), |items| items.iter_mut().try_for_each(&mut visit))
}
