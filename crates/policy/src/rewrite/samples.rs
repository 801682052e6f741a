//! Samples in queries of relations part of which is hidden. DuckDB takes them by the batches that rows
//! come in, whose ends are where hidden rows lie, too.

use model::{Error, Result};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::walk;

use crate::part::walkable;

/// Takes rows one by one where whole batches were asked for, and refuses samples that can be repeated:
/// with the same seed, other rows show that others lie between them.
///
/// # Errors
/// `NotSupported`.
pub(super) fn settle(value: &mut Value, field: Field) -> Result<()> {
    if field == Field::MaybeSample {
        let seeded = value["seed"].as_i64().is_some_and(|seed| seed >= 0);
        if seeded {
            return Err(Error::not_supported(
                "a sample with a seed of a relation part of which is hidden",
            ));
        }
        if text(value, "method") == "System" {
            value["method"] = json!("Bernoulli");
        }
        return Ok(());
    }
    walkable(field).map_or(Ok(()), |field| walk::children(value, field, &mut settle))
}
