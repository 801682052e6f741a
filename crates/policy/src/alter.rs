//! ALTER TABLE: for tables that their principal sees whole, and never away from the policy's rules.

use std::sync::Arc;

use model::{Column, Error, ErrorKind, ExecKind, RelationKind, RelationName, Result, SqlType};
use plan::{ColumnDefinition, ObjectName, TableChange};
use serde_json::Value;
use tree::grammar::text;
use tree::quote;

use crate::access::Access;
use crate::authorise::{Authorised, CommandTag, Context};
use crate::ddl::nothing;
use crate::denial::held;
use crate::file::Privilege;
use crate::fit::check_made;
use crate::naming::ColumnChange;
use crate::reserved::unless_reserved;
use crate::write::{default_query, expression, full, quoted, require, type_of, writable, written};

pub(crate) fn alter_table(
    context: &Context<'_>,
    name: &ObjectName,
    if_exists: bool,
    change: &TableChange,
) -> Result<Authorised> {
    let access = match table(context, name, "ALTER TABLE") {
        Err(e) if if_exists && e.kind() == ErrorKind::UndefinedTable => {
            return Ok(nothing(context, CommandTag::AlterTable));
        }
        found => found?,
    };
    let alteration = Alteration { context, access };
    let mut query = None;
    let rest = match change {
        TableChange::AddColumn {
            column,
            if_not_exists,
        } => {
            if alteration.find(&column.name).is_some() {
                return match if_not_exists {
                    true => Ok(nothing(context, CommandTag::AlterTable)),
                    false => Err(alteration.duplicate(&column.name)),
                };
            }
            unless_reserved(&column.name)?;
            alteration.keep_rules(&column.name, ColumnChange::Added, "added")?;
            alteration.added(column, &mut query)?
        }
        TableChange::DropColumn { column, if_exists } => {
            if *if_exists && alteration.find(column).is_none() {
                return Ok(nothing(context, CommandTag::AlterTable));
            }
            let column = alteration.column(column)?;
            alteration.keep_rules(&column.name, ColumnChange::Dropped, "dropped")?;
            if let [_] = access.columns.as_slice() {
                return Err(Error::not_supported("dropping the last column of a table")
                    .with_hint("use DROP TABLE"));
            }
            format!("drop column {}", quote(&column.name))
        }
        TableChange::RenameColumn { column, to } => {
            let column = alteration.column(column)?;
            if alteration.find(to).is_some_and(|c| c.name != column.name) {
                return Err(alteration.duplicate(to));
            }
            unless_reserved(to)?;
            alteration.keep_rules(&column.name, ColumnChange::Renamed(to), "renamed")?;
            format!("rename column {} to {}", quote(&column.name), quote(to))
        }
        TableChange::Rename { to } => alteration.renamed(to)?,
        TableChange::SetType { column, type_cast } => {
            let column = alteration.column(column)?;
            alteration.keep_rules(&column.name, ColumnChange::Retyped, "given another type")?;
            let sql_type = written_type(context, type_cast)?;
            let column = quote(&column.name);
            format!("alter column {column} set data type {sql_type}")
        }
        TableChange::SetDefault { column, value } => {
            let column = quote(&alteration.column(column)?.name);
            let default = alteration.default(value, &mut query)?;
            format!("alter column {column} set {default}")
        }
        TableChange::DropDefault { column } => alteration.of_column(column, "drop default")?,
        TableChange::SetNotNull { column } => alteration.of_column(column, "set not null")?,
        TableChange::DropNotNull { column } => alteration.of_column(column, "drop not null")?,
        TableChange::AddPrimaryKey { columns } => {
            format!("add primary key ({})", alteration.columns(columns)?)
        }
    };
    let target = access.name.clone();
    let sql = format!("alter table {} {rest}", full(&target));
    let kind = ExecKind::Write {
        target,
        changes_catalog: true,
    };
    Ok(written(context, kind, CommandTag::AlterTable, sql, query))
}

/// A table that its principal may alter: one that it sees whole, as success and errors tell of rows.
pub(crate) fn table<'a>(
    context: &Context<'a>,
    name: &ObjectName,
    verb: &str,
) -> Result<&'a Access> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let access = context
        .view
        .resolve(&parts)
        .map_err(|e| e.with_position(name.position))?;
    require(context, &access.name, Privilege::Alter)?;
    if access.kind != RelationKind::Table {
        return Err(Error::new(
            ErrorKind::WrongObjectType,
            format!("{} is not a table", access.name),
        )
        .with_position(name.position));
    }
    writable(context, &access.name, verb)?;
    if access.barrier.is_some() || !access.privileges.contains(&Privilege::Select) {
        return Err(Error::not_supported(format_args!(
            "{verb} of {}, of which {} does not see all,",
            access.name,
            context.view.principal().name
        )));
    }
    Ok(access)
}

/// Columns of a table, quoted, as its catalog spells them.
pub(crate) fn columns_of(access: &Access, names: &[String]) -> Result<String> {
    let found: Vec<String> = names
        .iter()
        .map(|name| column_of(access, name).map(|c| c.name.clone()))
        .collect::<Result<_>>()?;
    Ok(quoted(&found))
}

/// A column of a table.
pub(crate) fn column_of<'a>(access: &'a Access, name: &str) -> Result<&'a Column> {
    find(access, name).ok_or_else(|| {
        Error::new(
            ErrorKind::UndefinedColumn,
            format!("column \"{name}\" of {} does not exist", access.name),
        )
    })
}

/// A sealed query beside a write's shell: its text, what it names, whether it is governed.
type QueryInside = (Arc<str>, Arc<model::Expected>, bool);

struct Alteration<'a> {
    context: &'a Context<'a>,
    access: &'a Access,
}

impl<'a> Alteration<'a> {
    fn find(&self, name: &str) -> Option<&'a Column> {
        find(self.access, name)
    }

    fn column(&self, name: &str) -> Result<&'a Column> {
        column_of(self.access, name)
    }

    fn columns(&self, names: &[String]) -> Result<String> {
        columns_of(self.access, names)
    }

    fn of_column(&self, name: &str, change: &str) -> Result<String> {
        let column = quote(&self.column(name)?.name);
        Ok(format!("alter column {column} {change}"))
    }

    fn duplicate(&self, name: &str) -> Error {
        Error::new(
            ErrorKind::DuplicateColumn,
            format!("column \"{name}\" of {} exists already", self.access.name),
        )
    }

    fn added(&self, column: &ColumnDefinition, query: &mut Option<QueryInside>) -> Result<String> {
        let sql_type = written_type(self.context, &column.type_cast)?;
        let new = Column {
            name: column.name.clone(),
            sql_type: sql_type.clone(),
            nullable: true,
        };
        let columns = self.access.columns.iter().cloned().chain([new]);
        check_made(
            self.context,
            &self.access.name,
            RelationKind::Table,
            columns.collect(),
        )?;
        let default = match &column.default {
            Some(value) => {
                let constant = self.constant(value, &sql_type)?;
                format!(" {}", self.default(&constant, query)?)
            }
            None => String::new(),
        };
        Ok(format!(
            "add column {} {sql_type}{default}",
            quote(&column.name)
        ))
    }

    /// A literal as a text that the column's type reads, or NULL. Of a default that is anything but a
    /// constant DuckDB makes several statements, which no request holds.
    fn constant(&self, value: &Value, sql_type: &SqlType) -> Result<Value> {
        let is_constant = |expr: &Value| text(expr, "class") == "CONSTANT";
        let is_cast = text(value, "class") == "CAST" && is_constant(&value["child"]);
        if !(is_constant(value) || is_cast) {
            return Err(
                Error::not_supported("ADD COLUMN with a DEFAULT that is not a literal").with_hint(
                    "add the column without it, and then use ALTER COLUMN … SET DEFAULT",
                ),
            );
        }
        let (sql, _) = default_query(self.context, value)?;
        let rows = self
            .context
            .sidecar
            .evaluate(&format!("select cast(({sql}) as {sql_type})"))
            .map_err(Error::without_position)?;
        let literal = match rows.scalar() {
            Some(text) => format!("'{}'", text.replace('\'', "''")),
            None => "null".to_owned(),
        };
        plan::parse_expression(&literal, self.context.parser)
    }

    /// `default (…)`; its expression is sealed as a query, which the worker reads again.
    fn default(&self, value: &Value, query: &mut Option<QueryInside>) -> Result<String> {
        let (sql, expected) = default_query(self.context, value)?;
        let default = format!("default ({})", expression(&sql)?);
        *query = Some((sql, expected, false));
        Ok(default)
    }

    fn renamed(&self, to: &str) -> Result<String> {
        let old = &self.access.name;
        let new = RelationName::new(&old.catalog, &old.schema, to);
        unless_reserved(to)?;
        require(self.context, &new, Privilege::Create)?;
        match self.context.view.set().rule_between(old, &new) {
            None => Ok(format!("rename to {}", quote(to))),
            Some(place) => Err(held(
                self.context.view,
                format!(
                    "{old} can't be renamed to \"{to}\": the policy has rules for one of these names only"
                ),
                &place,
            )),
        }
    }

    fn keep_rules(&self, column: &str, change: ColumnChange<'_>, verb: &str) -> Result<()> {
        let (context, name) = (self.context, &self.access.name);
        let set = context.view.set();
        match set.rule_on_column(name, column, change, context.parser)? {
            None => Ok(()),
            Some(place) => Err(held(
                context.view,
                format!(
                    "column \"{column}\" of {name} can't be {verb}: rules of the policy name it"
                ),
                &place,
            )),
        }
    }
}

fn find<'a>(access: &'a Access, name: &str) -> Option<&'a Column> {
    let name = model::fold(name);
    access.columns.iter().find(|c| model::fold(&c.name) == name)
}

fn written_type(context: &Context<'_>, type_cast: &Value) -> Result<SqlType> {
    match type_of(context, type_cast)? {
        SqlType::Null | SqlType::Unknown => Err(Error::not_supported("a column without a type")),
        sql_type => Ok(sql_type),
    }
}
