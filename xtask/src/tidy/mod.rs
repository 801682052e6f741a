//! Rules about the tree as a whole that no compiler checks. The rules are data, in [`table`].

mod directions;
mod documents;
mod lengths;
mod table;

use crate::failure::Failure;
use crate::place::Place;

/// Checks all of the rules and tells every breach at once.
pub(crate) fn tidy(place: &Place) -> Result<(), Failure> {
    let packages = directions::packages(place)?;
    let mut breaches = directions::check(&packages, table::CRATES, table::HEAVY);
    breaches.extend(lengths::check(place)?);
    breaches.extend(documents::check(place, &packages)?);
    if breaches.is_empty() {
        return Ok(());
    }
    breaches.sort();
    Err(Failure::new(format!(
        "tidy found:\n  {}",
        breaches.join("\n  ")
    )))
}
