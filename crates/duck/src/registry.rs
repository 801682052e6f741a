//! Which files this process has open. DuckDB does not notice when two instances of one process
//! open the same file, and then loses rows that were committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::{Error, Result};
use parking_lot::Mutex;

use crate::config::invalid;

static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The right to open one file. Gives it back on drop, so it must outlive the instance.
#[derive(Debug)]
pub(crate) struct OpenFile(PathBuf);

impl OpenFile {
    /// Claims a file by its canonical path; it need not exist, its folder must.
    pub(crate) fn claim(path: &Path) -> Result<Self> {
        let canonical = canonical(path)?;
        if OPEN.lock().insert(canonical.clone()) {
            Ok(Self(canonical))
        } else {
            Err(invalid(format!("{} is open already", path.display())))
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        OPEN.lock().remove(&self.0);
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    let broken = |e: std::io::Error| unusable(path, &e);
    if path.exists() {
        return path.canonicalize().map_err(broken);
    }
    let name = path
        .file_name()
        .ok_or_else(|| invalid(format!("{} does not name a file", path.display())))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(folder.canonicalize().map_err(broken)?.join(name))
}

/// The error for a path that cannot be used, naming it and the reason.
pub(crate) fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    invalid(format!("can't open {}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_file_is_open_once_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let first = OpenFile::claim(&path).unwrap();
        let other_name = folder.path().join(".").join("a.db");
        assert!(OpenFile::claim(&other_name).is_err());
        std::fs::write(&path, "").unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(OpenFile::claim(&link).is_err());
        drop(first);
        OpenFile::claim(&link).unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = OpenFile::claim("/no/such/folder/a.db".as_ref()).unwrap_err();
        assert!(error.message().contains("/no/such/folder/a.db"));
    }
}
