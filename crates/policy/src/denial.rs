//! Errors for what a principal may know of and may not do.

use model::{Error, ErrorKind, RelationName};

use crate::file::Privilege;
use crate::view::View;

/// What a rule of the policy stands in the way of. Only administrators are told which rule it is.
pub(crate) fn held(view: &View, message: String, rule: &str) -> Error {
    let error = Error::new(ErrorKind::PermissionDenied, message);
    match view.principal().admin {
        true => error.with_hint(format!("change the policy first: {rule}")),
        false => error,
    }
}

/// A right that is not there; names the rule that takes it, where the principal sees the relation.
pub(crate) fn denied(view: &View, name: &RelationName, privilege: Privilege, verb: &str) -> Error {
    let message = format!("permission denied to {verb} {name}");
    let error = Error::new(ErrorKind::PermissionDenied, message);
    let (set, principal) = (view.set(), view.principal());
    let mut denies = set.denies_for(principal, name);
    match denies.find(|d| d.takes(privilege)) {
        Some(deny) if view.access(name).is_some() => {
            error.with_hint(format!("the rule {} denies it", set.id(deny.at)))
        }
        _ => error,
    }
}
