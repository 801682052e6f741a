//! A folder of Parquet files as a catalog: a table per file, or per sub-folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model::{Result, fold};

use crate::config::invalid;
use crate::registry::unusable;

/// A table of a folder catalog and its files, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FolderTable {
    pub(crate) name: String,
    pub(crate) files: Vec<String>,
}

/// How deep the files of one table may lie below its folder, as with date partitions.
const MAX_DEPTH: usize = 16;

/// The tables of a folder. What is neither Parquet nor a folder of it is passed over.
pub(crate) fn tables(folder: &Path) -> Result<Vec<FolderTable>> {
    let folder = folder.canonicalize().map_err(|e| unusable(folder, &e))?;
    let mut found: BTreeMap<String, FolderTable> = BTreeMap::new();
    for path in entries(&folder)? {
        let (stem, files) = if path.is_dir() {
            let mut files = Vec::new();
            collect(&path, 0, &mut files)?;
            (path.file_name(), files)
        } else if is_parquet(&path) {
            (path.file_stem(), vec![text(&path)?])
        } else {
            continue;
        };
        if files.is_empty() {
            continue;
        }
        let name = stem
            .and_then(|s| s.to_str())
            .ok_or_else(|| unusable(&path, &"the name is not UTF-8"))?
            .to_owned();
        let table = FolderTable { name, files };
        if let Some(other) = found.insert(fold(&table.name), table) {
            return Err(invalid(format!(
                "{} holds two tables named \"{}\"",
                folder.display(),
                other.name
            )));
        }
    }
    if found.is_empty() {
        return Err(unusable(&folder, &"the folder holds no Parquet file"));
    }
    Ok(found.into_values().collect())
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<String>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(unusable(folder, &"the folders nest too deeply"));
    }
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, depth + 1, files)?;
        } else if is_parquet(&path) {
            files.push(text(&path)?);
        }
    }
    Ok(())
}

/// What a folder holds, in order of name, without hidden entries.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|e| e.map(|e| e.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(|e| unusable(folder, &e))?;
    paths.retain(|p| {
        !p.file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
    });
    paths.sort();
    Ok(paths)
}

fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}

/// The path as `read_parquet` takes it, which would expand a pattern.
fn text(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .ok_or_else(|| unusable(path, &"the name is not UTF-8"))?;
    if text.contains(['*', '?', '[', ']', '{', '}']) {
        return Err(unusable(
            path,
            &"the name holds a character of file patterns",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn a_table_is_a_file_or_a_folder() {
        let folder = folder(&[
            "b.parquet",
            "a.PARQUET",
            "readme.md",
            ".hidden.parquet",
            "parts/y=2/1.parquet",
            "parts/y=1/1.parquet",
            "empty/x.txt",
        ]);
        let tables = tables(folder.path()).unwrap();
        let names: Vec<_> = tables.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "parts"]);
        assert!(tables[2].files[0].ends_with("parts/y=1/1.parquet"));
        assert_eq!(tables[2].files.len(), 2);
    }

    #[test]
    fn what_is_ambiguous_or_missing_is_refused() {
        for files in [&["a.parquet", "A/1.parquet"][..], &[], &["a*.parquet"]] {
            assert!(tables(folder(files).path()).is_err(), "{files:?}");
        }
        let error = tables(Path::new("/no/such/folder")).unwrap_err();
        assert!(error.message().contains("/no/such/folder"));
    }
}
