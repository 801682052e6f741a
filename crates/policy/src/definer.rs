//! Grants on a view that let it be read with a definer's rights: they say alone what is read of it.

use std::collections::HashMap;

use model::{Principal, RelationName, Result};

use crate::file::{Privilege, Sources};
use crate::load::Principals;
use crate::rules::Grant;
use crate::set::PolicySet;

/// Fails for grants whose definer is nobody, or that do not say alone what their view is for somebody.
///
/// # Errors
/// `Config` with file, line and reason.
pub(crate) fn check(grants: &[Grant], principals: &Principals, sources: &Sources) -> Result<()> {
    let defined = || grants.iter().filter(|g| g.definer.is_some());
    for grant in defined() {
        let error = |reason: &str| Err(sources.error(grant.at, reason));
        let definer = grant.definer.as_deref().unwrap_or_default();
        if !principals.contains_key(definer) {
            return error(&format!("there is no principal \"{definer}\""));
        }
        if (0..3).any(|n| grant.on.part(n).is_none()) {
            return error("a grant with a definer needs the full name of one view");
        }
        if !grant.privileges.contains(&Privilege::Select) {
            return error("a grant with a definer needs the privilege select");
        }
    }
    for (principal, _) in principals.values() {
        let mut first: HashMap<String, &Grant> = HashMap::new();
        for grant in defined().filter(|g| principal.roles.contains(&g.role)) {
            let other = *first.entry(grant.on.to_string()).or_insert(grant);
            if other.definer != grant.definer {
                let reason = format!(
                    "{} would read {} with the rights of {}, and by {} with those of {}",
                    principal.name,
                    grant.on,
                    grant.definer.as_deref().unwrap_or_default(),
                    sources.place(other.at),
                    other.definer.as_deref().unwrap_or_default(),
                );
                return Err(sources.error(grant.at, reason));
            }
        }
    }
    Ok(())
}

impl PolicySet {
    /// The grants by which a principal reads a relation, in file order: those with a definer if there
    /// are any. What others would give of it can be asked of what is below, with rights that the
    /// principal has there.
    pub(crate) fn reading_grants(&self, principal: &Principal, name: &RelationName) -> Vec<&Grant> {
        let grants = self.grants_for(principal, name);
        let mut reading: Vec<&Grant> = grants
            .filter(|g| g.privileges.contains(&Privilege::Select))
            .collect();
        if reading.iter().any(|g| g.definer.is_some()) {
            reading.retain(|g| g.definer.is_some());
        }
        reading
    }

    /// Whether some grant lets a view of this name be read with another's rights.
    pub(crate) fn has_definer(&self, name: &RelationName) -> bool {
        let mut grants = self.rules.grants.iter();
        grants.any(|g| g.definer.is_some() && g.on.matches(name))
    }
}
