//! A running server, and the raw data beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model::{Error, ErrorKind, Result};

use super::child::Doors;
use super::raw::{Raw, Source};
use super::report::Report;
use super::rules::Rules;
use super::{fetch, flight};
use crate::cli::Verify;

/// A server that is verified as it runs.
pub(super) struct Running<'a> {
    pub(super) doors: Doors,
    pub(super) passwords: BTreeMap<String, String>,
    /// Who is to see all that it holds.
    raw_as: Option<&'a str>,
}

impl<'a> Running<'a> {
    /// The one that the arguments name, if they do.
    pub(super) fn of(arguments: &'a Verify) -> Result<Option<Self>> {
        let Some(path) = &arguments.passwords else {
            return Ok(None);
        };
        let bad = |e: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Config, format!("{}: {e}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|e| bad(&e))?;
        Ok(Some(Self {
            doors: Doors {
                pg: arguments.pg.clone(),
                flight: arguments.flight.clone(),
            },
            // Without the line's text, which holds a password.
            passwords: toml::from_str(&text).map_err(|e| bad(&e.message()))?,
            raw_as: arguments.raw_as.as_deref(),
        }))
    }

    /// The password of a principal.
    pub(super) fn password<'p>(
        passwords: &'p BTreeMap<String, String>,
        who: &str,
    ) -> Result<&'p str> {
        let password = passwords.get(who).map(String::as_str);
        password.ok_or_else(|| {
            let reason = format!("there is no password of \"{who}\"");
            Error::new(ErrorKind::Config, reason)
        })
    }

    /// A connection as who sees all of the raw data, if somebody is named.
    async fn client(&self, rules: &Rules, catalogs: &[Source]) -> Result<Option<flight::Client>> {
        let (Some(who), Some(address)) = (self.raw_as, &self.doors.flight) else {
            return Ok(None);
        };
        // Views read across catalogs.
        for catalog in catalogs {
            if !rules.sees_all(who, &catalog.name) {
                let name = &catalog.name;
                let reason = format!(
                    "\"{who}\" may not see all of \"{name}\", so what it is shown is not the raw data"
                );
                return Err(Error::new(ErrorKind::Config, reason));
            }
        }
        let password = Self::password(&self.passwords, who)?;
        let client = flight::Client::connect(address, who, password).await?;
        Ok(Some(client))
    }
}

/// The raw data. What a running server holds is asked of it, or else passed over.
pub(super) async fn raw(
    running: Option<&Running<'_>>,
    catalogs: &[Source],
    rules: &Rules,
    folder: &Path,
    report: &mut Report,
) -> Result<Raw> {
    let mut raw = Raw::open()?;
    let Some(running) = running else {
        for source in catalogs {
            raw.add(source)?;
        }
        raw.find_views(catalogs)?;
        return Ok(raw);
    };
    let mut client = running.client(rules, catalogs).await?;
    for (number, source) in catalogs.iter().enumerate() {
        if source.path.exists() && raw.add(source).is_ok() {
            continue;
        }
        let Some(client) = &mut client else {
            report.unread.push(source.name.clone());
            raw.lacks_some();
            continue;
        };
        let path = folder.join(format!("{number}.duckdb"));
        let fetched = fetch::catalog(client, &source.name, &path).await?;
        raw.add_fetched(&fetched.source, fetched.views)?;
        for (relation, reason) in fetched.missing {
            raw.lacks_some();
            let name = relation.full();
            report.uncompared.push(format!("{name}: {reason}"));
        }
    }
    raw.find_views(catalogs)?;
    Ok(raw)
}
