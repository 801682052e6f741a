//! What a fresh machine lacks. Each step looks first and is quick when there is nothing to do.

pub(crate) mod cargo_deny;
mod certs;
pub(crate) mod libduckdb;
pub(crate) mod packages;
pub(crate) mod venv;

use std::fs::File;
use std::path::PathBuf;

use crate::failure::{Failure, While};
use crate::place::Place;

/// Everything the server, the tests and the demo need. Returns the Python that has the clients installed.
pub(crate) fn everything(place: &Place) -> Result<PathBuf, Failure> {
    duckdb(place)?;
    let _alone = alone(place)?;
    packages::need(packages::PSQL)?;
    certs::make(place)?;
    venv::make(place)
}

/// Only what compiling needs.
pub(crate) fn duckdb(place: &Place) -> Result<(), Failure> {
    let _alone = alone(place)?;
    libduckdb::fetch(place)
}

/// Held while the cache changes: two checkouts may be set up at once. Given back when dropped.
pub(crate) fn alone(place: &Place) -> Result<File, Failure> {
    let path = place.cache.join("lock");
    let lock = File::create(&path).while_doing(|| format!("creating {}", path.display()))?;
    lock.lock()
        .while_doing(|| format!("locking {}", path.display()))?;
    Ok(lock)
}
