//! Loading a policy with what a server asks of it beyond its rules: that there are people, and that
//! they can log in.
//! Every verb that reads a policy asks the same.

use std::path::Path;
use std::sync::Arc;

use auth::Verifier;
use model::{CatalogSnapshot, Error, ErrorKind, Result};
use policy::PolicySet;
use runtime::Tasks;
use tokio::sync::oneshot;
use tree::Parser;

/// Reads and validates a policy.
///
/// # Errors
/// `Config` with file, line and reason.
pub(crate) fn load(path: &Path, catalog: &CatalogSnapshot, parser: &Parser) -> Result<PolicySet> {
    let policy = PolicySet::load(path, catalog, parser)?;
    check_not_empty(path, policy.verifiers())?;
    for (name, verifier) in policy.verifiers() {
        check_verifier(name, verifier, || {
            policy.verifier_place(name).unwrap_or_default()
        })?;
    }
    Ok(policy)
}

/// The same on a thread whose stack suits the parser.
pub(crate) async fn load_apart(
    path: &Path,
    catalog: Arc<CatalogSnapshot>,
    tasks: &Tasks,
) -> Result<Arc<PolicySet>> {
    let (give, loaded) = oneshot::channel();
    let path = path.to_owned();
    let load = move || {
        let policy = Parser::open()
            .and_then(|parser| load(&path, &catalog, &parser))
            .map(Arc::new);
        // Nobody waits any more if the server is stopping.
        let _ = give.send(policy);
    };
    tasks
        .thread("policy", tree::STACK_BYTES, load)
        .map_err(Error::internal)?;
    loaded.await.map_err(Error::internal)?
}

/// Logs what looks like a mistake in a policy that holds from now on.
pub(crate) fn log_warnings(policy: &PolicySet, catalog: &CatalogSnapshot) {
    for warning in policy.warnings(catalog) {
        tracing::warn!("{warning}");
    }
}

/// Fails where there are no principals, as when a file was emptied by mistake.
pub(crate) fn check_not_empty<T>(
    path: &Path,
    principals: impl IntoIterator<Item = T>,
) -> Result<()> {
    if principals.into_iter().next().is_some() {
        return Ok(());
    }
    let reason = "a policy without principals lets nobody in";
    let message = format!("{}: {reason}", path.display());
    Err(Error::new(ErrorKind::Config, message))
}

/// Fails for a text that is no verifier, as a password is none. The error does not show it.
pub(crate) fn check_verifier(
    principal: &str,
    text: &str,
    place: impl FnOnce() -> String,
) -> Result<()> {
    let Err(error) = text.parse::<Verifier>() else {
        return Ok(());
    };
    let reason = format!(
        "{}: principal \"{principal}\": {}",
        place(),
        error.message()
    );
    Err(Error::new(ErrorKind::Config, reason)
        .with_hint("`eider password` makes a verifier of a password"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn what_is_no_verifier_is_named_and_not_shown() {
        let place = || "policy.toml:3".to_owned();
        let good = auth::verifier("hunter2").unwrap();
        assert!(check_verifier("jfk", &good, place).is_ok());
        let cut = &good[..good.len() - 9];
        for bad in ["hunter2", "", cut] {
            let error = check_verifier("jfk", bad, place).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let told = error.message();
            assert!(
                told.starts_with("policy.toml:3: principal \"jfk\": a verifier"),
                "{told}"
            );
            assert!(bad.is_empty() || !format!("{error:?}").contains(bad));
            assert!(error.hint().unwrap().contains("eider password"));
        }
    }
}
