//! The raw rows of a catalog that a running server holds: asked of it as somebody who sees all of them.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_flight::IpcMessage;
use arrow_flight::sql::CommandGetTables;
use arrow_schema::{ArrowError, Schema};
use gateway::Form;
use model::{Error, ErrorKind, Result};
use native::{Appender, Connection, Instance};

use super::flight::Client;
use super::forms::Answer;
use super::raw::{Source, failed, rows};
use super::stored::StoredView;
use super::table::{Table, quoted};

/// The file of what is fetched.
const FETCHED: &str = "__eider_fetched";

/// Where Flight SQL has a column's type, as the server's DDL writes it.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// What a catalog of a running server holds.
pub(super) struct Fetched {
    /// Its tables, in a file.
    pub(super) source: Source,
    pub(super) views: Vec<StoredView>,
    /// What can't be had, and why.
    pub(super) missing: Vec<(Table, String)>,
}

/// Reads a catalog into a new file. Rows are held by the batch.
pub(super) async fn catalog(client: &mut Client, name: &str, path: &Path) -> Result<Fetched> {
    let file = Instance::open(None, &[]).and_then(|instance| instance.connect());
    let file = File(file.map_err(failed)?);
    let place = super::table::literal(&path.display().to_string());
    file.run(&format!("attach {place} as {FETCHED}"))?;
    let mut fetched = Fetched {
        source: Source {
            name: name.to_owned(),
            path: path.to_owned(),
        },
        views: vec![],
        missing: vec![],
    };
    for (relation, is_view) in relations(client, name).await? {
        let table = relation.clone();
        let done = match is_view {
            true => {
                let view = definition(client, relation).await;
                view.map(|view| fetched.views.push(view))
            }
            false => file.table(client, &relation).await,
        };
        if let Err(error) = done {
            file.run(&format!("drop table if exists {}", table.full_in(FETCHED)))?;
            fetched.missing.push((table, error.message().to_owned()));
        }
    }
    Ok(fetched)
}

/// The relations of a catalog, and whether each is a view.
async fn relations(client: &mut Client, catalog: &str) -> Result<Vec<(Table, bool)>> {
    let mut found = vec![];
    let command = CommandGetTables {
        catalog: Some(catalog.to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let each = |batch: &RecordBatch| {
        let text = |column: usize, row| {
            batch
                .column(column)
                .as_string::<i32>()
                .value(row)
                .to_owned()
        };
        for row in 0..batch.num_rows() {
            let schema = batch.column(4).as_binary::<i32>().value(row);
            let schema = Schema::try_from(IpcMessage(schema.to_vec().into())).map_err(unread)?;
            let columns = schema.fields().iter().map(|field| {
                let sql_type = field.metadata().get(TYPE_NAME).cloned();
                (field.name().clone(), sql_type.unwrap_or_default())
            });
            let table = Table {
                catalog: catalog.to_owned(),
                schema: text(1, row),
                name: text(2, row),
                columns: columns.collect(),
                computed: vec![],
            };
            found.push((table, text(3, row) == "VIEW"));
        }
        Ok(())
    };
    client.tables(command, each).await?;
    Ok(found)
}

/// How the server keeps a view, which it tells administrators.
async fn definition(client: &mut Client, view: Table) -> Result<StoredView> {
    let sql = format!("explain policy select count(*) as n from {}", view.full());
    let name = [view.catalog.as_str(), &view.schema, &view.name].join(".");
    let lines = match client.ask(&sql, Form::FlightStatement).await? {
        Answer::Rows { rows, .. } => rows,
        Answer::Refused(reason) => return Err(Error::new(ErrorKind::Config, reason)),
    };
    let is = |cell: &Option<Vec<u8>>, text: &str| cell.as_deref() == Some(text.as_bytes());
    let told = lines
        .into_iter()
        .find_map(|line| match <[_; 3]>::try_from(line) {
            Ok([what, on, says]) if is(&what, "view") && is(&on, &name) => says,
            _ => None,
        });
    told.and_then(|sql| StoredView::read(view, &String::from_utf8_lossy(&sql)))
        .ok_or_else(|| Error::new(ErrorKind::Config, "the server does not tell its query"))
}

/// The instance that has the file open.
struct File(Connection);

impl File {
    /// Copies a table, and makes sure that it is the same.
    async fn table(&self, client: &mut Client, table: &Table) -> Result<()> {
        let columns = table.columns.iter();
        let columns = columns.map(|(name, sql_type)| format!("{} {sql_type}", quoted(name)));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let full = table.full_in(FETCHED);
        let schema = format!("{FETCHED}.{}", quoted(&table.schema));
        self.run(&format!("create schema if not exists {schema}"))?;
        self.run(&format!("create table {full} ({columns})"))?;
        let place = [FETCHED, &table.schema, &table.name];
        let mut appender: Option<Appender> = None;
        let sql = format!("select * from {}", table.full());
        client
            .stream(&sql, |batch| {
                let appender = match &mut appender {
                    Some(appender) => appender,
                    none => {
                        none.insert(self.0.appender(place, batch.schema_ref()).map_err(failed)?)
                    }
                };
                appender.append(batch).map_err(failed)
            })
            .await?;
        if let Some(appender) = appender {
            appender.finish().map_err(failed)?;
        }
        let list: Vec<String> = table.columns.iter().map(|(name, _)| quoted(name)).collect();
        let digest = format!(
            "select cast(count(*) as varchar) as n, coalesce(cast(sum(cast(hash({}) as hugeint)) as varchar), '') as h",
            list.join(", ")
        );
        let copied = rows::<2>(&self.0, &format!("{digest} from {full}"))?;
        let sql = format!("{digest} from {}", table.full());
        let told = match client.ask(&sql, Form::FlightStatement).await? {
            Answer::Rows { rows, .. } => rows,
            Answer::Refused(reason) => return Err(Error::new(ErrorKind::Config, reason)),
        };
        let copied = copied
            .into_iter()
            .map(|row| row.map(|cell| Some(cell.into_bytes())).to_vec());
        match copied.eq(told) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Config,
                "its rows changed meanwhile, or on the way",
            )),
        }
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.0.execute(sql).map(drop).map_err(failed)
    }
}

fn unread(error: ArrowError) -> Error {
    Error::internal(error)
}
