//! Where views are read over a copy: an instance in which the copy's files have the catalogs' names,
//! and nothing else is there to be read.

use std::path::Path;

use model::Result;
use native::{Connection, Instance};

use super::raw::{Source, described, failed};
use super::stored::StoredView;
use super::table::{Table, literal, quoted};

/// The catalog of the file that takes what a view gives.
pub(super) const GIVEN: &str = "__eider_given";

/// An instance for reading views.
pub(super) struct Stage(Connection);

/// What became of a view over a copy.
pub(super) enum Given {
    /// Its rows are in the file, in a table of this form.
    Rows(Table),
    /// It has no meaning over the copy: it does not exist for whom the copy is for.
    Nothing,
    /// It has one, but reading it fails.
    Failed(String),
}

impl Stage {
    /// An instance that may open files of this folder and no others.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let instance = Instance::open(None, &[]).map_err(failed)?;
        let stage = Self(instance.connect().map_err(failed)?);
        let folder = literal(&folder.display().to_string());
        stage.run(&format!("set allowed_directories = [{folder}]"))?;
        stage.run("set enable_external_access = false")?;
        Ok(stage)
    }

    /// Reads a view over the files of a copy into a new database file, as somebody of that name.
    pub(super) fn read(
        &self,
        view: &StoredView,
        over: &[Source],
        reader: &str,
        into: &Path,
    ) -> Result<Given> {
        let mut opened = vec![];
        for source in over {
            let path = literal(&source.path.display().to_string());
            let name = quoted(&source.name);
            self.run(&format!("attach {path} as {name} (read_only)"))?;
            opened.push(name);
        }
        let path = literal(&into.display().to_string());
        self.run(&format!("attach {path} as {GIVEN}"))?;
        opened.push(GIVEN.to_owned());
        for name in ["current_user", "session_user", "user"] {
            let reader = literal(reader);
            self.run(&format!(
                "create or replace macro memory.main.{name}() as {reader}"
            ))?;
        }
        // Names are those of the view's schema, and functions are found in `memory` first.
        let table = &view.table;
        let home = format!("{}.{}", quoted(&table.catalog), quoted(&table.schema));
        self.search(&format!("{home},memory.main"))?;
        let given = self.given(view);
        self.search("memory.main")?;
        for name in opened {
            self.run(&format!("detach {name}"))?;
        }
        given
    }

    fn given(&self, view: &StoredView) -> Result<Given> {
        let query = &view.query;
        let bound = format!("select column_name from (describe {query})");
        let Ok(bound) = self.0.query(&bound) else {
            return Ok(Given::Nothing);
        };
        let names: Vec<String> = bound.into_rows().into_iter().flatten().flatten().collect();
        let Some(names) = view.names(&names) else {
            return Ok(Given::Nothing);
        };
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let schema = format!("{GIVEN}.{}", quoted(&view.table.schema));
        let table = view.table.full_in(GIVEN);
        self.run(&format!("create schema if not exists {schema}"))?;
        let made = self.0.execute(&format!(
            "create table {table} as select * from ({query}) as v({})",
            names.join(", ")
        ));
        if let Err(error) = made {
            return Ok(Given::Failed(error.to_string()));
        }
        let columns = described(&self.0, &table)?;
        Ok(Given::Rows(view.table.with(columns)))
    }

    fn search(&self, path: &str) -> Result<()> {
        self.run(&format!("set search_path = {}", literal(path)))
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.0.execute(sql).map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_view_reads_nothing_but_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (copy, secret) = (
            folder.path().join("copy.duckdb"),
            tempfile::tempdir().unwrap(),
        );
        let secret = secret.path().join("secret.csv");
        std::fs::write(&secret, "a\n1\n").unwrap();
        Instance::open(Some(&copy), &[])
            .and_then(|instance| instance.connect())
            .and_then(|connection| connection.execute("create table t as select 7 as a"))
            .unwrap();
        let stage = Stage::open(folder.path()).unwrap();
        let source = Source {
            name: "c".to_owned(),
            path: copy,
        };
        let read = |number: usize, query: &str| {
            let table = Table {
                catalog: "c".to_owned(),
                schema: "main".to_owned(),
                name: "v".to_owned(),
                columns: vec![("a".to_owned(), "INTEGER".to_owned())],
                computed: vec![],
            };
            let view = StoredView::read(table, &format!("CREATE VIEW v AS {query};")).unwrap();
            let into = folder.path().join(format!("{number}.duckdb"));
            let over = std::slice::from_ref(&source);
            stage.read(&view, over, "eve", &into).unwrap()
        };
        let secret = literal(&secret.display().to_string());
        assert!(matches!(read(0, "SELECT a FROM t"), Given::Rows(_)));
        let outside = format!("SELECT * FROM read_csv({secret})");
        assert!(matches!(read(1, &outside), Given::Nothing));
        let replaced = format!("SELECT * FROM {secret}");
        assert!(matches!(read(2, &replaced), Given::Nothing));
        assert!(matches!(read(3, "SELECT * FROM gone"), Given::Nothing));
        let throws = "SELECT CAST('x' || a AS INTEGER) AS a FROM t";
        assert!(matches!(read(4, throws), Given::Failed(_)));
    }
}
