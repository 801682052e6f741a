//! Statements that ask about a query or the catalog. The sidecar and the view have the whole answer:
//! no worker is asked, and no row of anybody's data takes part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use model::{
    Error, ErrorKind, ExecKind, Positions, Relation, Result, ResultColumn, ResultSchema, SqlType,
    TEMPORARY, fold,
};
use plan::{Explain, ExplainFormat, Query, Show};
use serde_json::Value;
use tree::Description;

use crate::authorise::{Answer, Authorised, CommandTag, Context};
use crate::costly::is_costly;
use crate::facts::Facts;
use crate::rewrite::Rewriter;
use crate::rights::Rights;

/// DESCRIBE: the columns that a query has.
pub(crate) fn describe(context: &Context<'_>, query: &Query) -> Result<Authorised> {
    let mut inner = query.tree.clone();
    Rewriter::new(Rights::of(context.view), context.parser).rewrite(&mut inner)?;
    let rows = context.sidecar.evaluate(&query.text)?;
    let columns = (0..rows.columns().len())
        .map(|i| {
            let values = rows
                .rows()
                .iter()
                .map(|row| row.get(i).and_then(Option::as_deref));
            Arc::new(values.collect::<StringArray>()) as ArrayRef
        })
        .collect();
    let named = rows
        .columns()
        .iter()
        .map(|n| (n.as_str(), SqlType::Varchar));
    answer(
        context,
        CommandTag::Select,
        &query.text,
        named.collect(),
        columns,
    )
}

/// EXPLAIN: how the query would run over what its asker sees, if that held no rows. Neither barriers
/// nor numbers of rows are in it.
pub(crate) fn explain(context: &Context<'_>, explain: &Explain) -> Result<Authorised> {
    let query = &explain.query;
    let mut inner = query.tree.clone();
    Rewriter::new(Rights::of(context.view), context.parser).rewrite(&mut inner)?;
    let description = context.sidecar.describe(&query.text)?;
    if !description.parameters.is_empty() {
        return Err(
            Error::not_supported("EXPLAIN of a statement with parameters")
                .with_hint("write a literal in their place"),
        );
    }
    let mut plan = context
        .sidecar
        .explain(&query.text, !is_costly(&query.tree))?;
    without_numbers(&mut plan);
    let mut lines = Vec::new();
    match explain.format {
        ExplainFormat::Text => write_lines(&plan, 0, &mut lines),
        ExplainFormat::Json => {
            let document = serde_json::to_string_pretty(&Value::Array(vec![plan]));
            lines.push(document.map_err(Error::internal)?);
        }
    }
    let columns = vec![Arc::new(StringArray::from(lines)) as ArrayRef];
    let named = vec![("QUERY PLAN", SqlType::Varchar)];
    answer(context, CommandTag::Explain, &query.text, named, columns)
}

/// Estimates are of relations without rows: they would mislead.
fn without_numbers(plan: &mut Value) {
    if let Some(info) = plan["extra_info"].as_object_mut() {
        info.remove("Estimated Cardinality");
    }
    for child in plan["children"].as_array_mut().into_iter().flatten() {
        without_numbers(child);
    }
}

/// A plan as PostgreSQL writes one: what an operator reads stands below it, indented.
fn write_lines(plan: &Value, indent: usize, lines: &mut Vec<String>) {
    let arrow = if indent == 0 { "" } else { "->  " };
    let name = plan["name"].as_str().unwrap_or_default();
    lines.push(format!("{:indent$}{arrow}{}", "", name.trim()));
    let inner = indent + arrow.len() + 2;
    for (key, value) in plan["extra_info"].as_object().into_iter().flatten() {
        let texts: Vec<&str> = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        let text = texts.join(", ").replace('\n', " ");
        lines.push(format!("{:inner$}{key}: {text}", ""));
    }
    for child in plan["children"].as_array().into_iter().flatten() {
        write_lines(child, inner, lines);
    }
}

/// SHOW of catalog objects: what the view has, named and ordered as DuckDB does.
pub(crate) fn show(context: &Context<'_>, show: &Show) -> Result<Authorised> {
    let visible = context.view.visible();
    let default = context.view.default_catalog();
    let names = |names: Vec<&str>| Arc::new(StringArray::from(names)) as ArrayRef;
    let text = SqlType::Varchar;
    let (named, columns) = match show {
        Show::Databases => {
            let databases = visible.catalogs.values().map(|c| c.name.as_str());
            let databases = databases.filter(|name| *name != TEMPORARY);
            (
                vec![("database_name", text)],
                vec![names(databases.collect())],
            )
        }
        Show::Schemas => {
            let schemas: Vec<(&str, &str)> = visible
                .catalogs
                .values()
                .flat_map(|c| {
                    c.schemas
                        .values()
                        .map(|s| (c.name.as_str(), s.name.as_str()))
                })
                .collect();
            let current = |(catalog, schema): &(&str, &str)| {
                fold(catalog) == fold(default) && *schema == "main"
            };
            let columns = vec![
                names(schemas.iter().map(|(c, _)| *c).collect()),
                names(schemas.iter().map(|(_, s)| *s).collect()),
                Arc::new(BooleanArray::from_iter(
                    schemas.iter().map(|s| Some(current(s))),
                )),
            ];
            let named = vec![
                ("database_name", text.clone()),
                ("schema_name", text),
                ("current", SqlType::Boolean),
            ];
            (named, columns)
        }
        Show::Tables(of) => {
            let relations = relations_of(context, of)?;
            let relations = relations.iter().map(|r| r.name.name.as_str());
            (vec![("name", text)], vec![names(relations.collect())])
        }
        Show::AllTables => all_tables(context, &visible.relations().collect::<Vec<_>>())?,
    };
    answer(context, CommandTag::Show, "", named, columns)
}

/// The relations of a schema; where none is named, those that a name of one part means.
fn relations_of<'a>(context: &Context<'a>, of: &[String]) -> Result<Vec<&'a Relation>> {
    let visible = context.view.visible();
    let default = visible.catalog(context.view.default_catalog());
    let schema = match of {
        [] => default.and_then(|c| c.schema("main")),
        [name] => default
            .and_then(|c| c.schema(name))
            .or_else(|| visible.catalog(name)?.schema("main")),
        [catalog, schema, ..] => visible.catalog(catalog).and_then(|c| c.schema(schema)),
    };
    let mut relations: BTreeMap<&String, &Relation> = BTreeMap::new();
    relations.extend(schema.into_iter().flat_map(|s| &s.relations));
    match schema {
        _ if of.is_empty() => {
            let temporary = visible.temporary().and_then(|c| c.schema("main"));
            relations.extend(temporary.into_iter().flat_map(|s| &s.relations));
            Ok(relations.into_values().collect())
        }
        Some(_) => Ok(relations.into_values().collect()),
        None => Err(Error::new(
            ErrorKind::UndefinedSchema,
            format!("schema \"{}\" does not exist", of.join(".")),
        )),
    }
}

type Answers<'a> = (Vec<(&'a str, SqlType)>, Vec<ArrayRef>);

fn all_tables<'a>(context: &Context<'_>, relations: &[&Relation]) -> Result<Answers<'a>> {
    let types: Vec<SqlType> = relations
        .iter()
        .flat_map(|r| r.columns.iter().map(|c| c.sql_type.clone()))
        .collect();
    let mut types = type_names(context, &types)?.into_iter();
    let names = |part: fn(&Relation) -> &str| {
        Arc::new(StringArray::from_iter_values(
            relations.iter().map(|r| part(r)),
        )) as ArrayRef
    };
    let item = Arc::new(Field::new("l", DataType::Utf8, true));
    let mut column_names = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(&item));
    let mut column_types = ListBuilder::new(StringBuilder::new()).with_field(item);
    for relation in relations {
        for column in &relation.columns {
            column_names.values().append_value(&column.name);
            column_types.values().append_option(types.next());
        }
        column_names.append(true);
        column_types.append(true);
    }
    let columns: Vec<ArrayRef> = vec![
        names(|r| &r.name.catalog),
        names(|r| &r.name.schema),
        names(|r| &r.name.name),
        Arc::new(column_names.finish()),
        Arc::new(column_types.finish()),
        Arc::new(
            relations
                .iter()
                .map(|r| Some(r.name.is_temporary()))
                .collect::<BooleanArray>(),
        ),
    ];
    let texts = || SqlType::List(Arc::new(SqlType::Varchar));
    let named = vec![
        ("database", SqlType::Varchar),
        ("schema", SqlType::Varchar),
        ("name", SqlType::Varchar),
        ("column_names", texts()),
        ("column_types", texts()),
        ("temporary", SqlType::Boolean),
    ];
    Ok((named, columns))
}

/// Types as DuckDB shows them to users.
pub(crate) fn type_names(context: &Context<'_>, types: &[SqlType]) -> Result<Vec<String>> {
    if types.is_empty() {
        return Ok(vec![]);
    }
    let casts: Vec<String> = types.iter().map(|t| format!("cast(null as {t})")).collect();
    let text = format!("describe select {}", casts.join(", "));
    let rows = context.sidecar.evaluate(&text)?.into_rows();
    let name = |row: Vec<Option<String>>| row.into_iter().nth(1).flatten();
    rows.into_iter()
        .map(|row| name(row).ok_or_else(|| Error::internal("a type has no name")))
        .collect()
}

/// Rows that need no worker.
fn answer(
    context: &Context<'_>,
    tag: CommandTag,
    sql: &str,
    named: Vec<(&str, SqlType)>,
    columns: Vec<ArrayRef>,
) -> Result<Authorised> {
    let fields: Vec<Field> = named
        .iter()
        .zip(&columns)
        .map(|((name, _), column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let arrow = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&arrow), columns).map_err(Error::internal)?;
    let columns: Vec<ResultColumn> = named
        .into_iter()
        .map(|(name, sql_type)| ResultColumn {
            name: name.to_owned(),
            sql_type,
        })
        .collect();
    let names = columns.iter().map(|c| c.name.clone()).collect();
    let schema = Arc::new(ResultSchema { columns, arrow });
    Ok(Authorised {
        principal: Arc::clone(context.view.principal()),
        kind: ExecKind::Query,
        tag,
        sql: sql.into(),
        query: None,
        on_conflict: None,
        returning: None,
        expected: Arc::default(),
        description: Description {
            parameters: vec![],
            schema: Some(Arc::clone(&schema)),
            names,
        },
        governed: false,
        positions: Positions::default(),
        views: BTreeSet::new(),
        answer: Answer::Rows(schema, batch),
        catalog_version: context.view.visible().version,
        facts: Facts::default(),
    })
}
