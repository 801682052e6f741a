//! What a relation is read through.

use model::{Error, ErrorKind, RelationKind, Result};
use serde_json::Value;
use tree::MAX_NODES;

use crate::access::Access;
use crate::rewrite::Rewriter;

impl<'a> Rewriter<'a> {
    /// The query that a relation is read through, if not by its name.
    ///
    /// # Errors
    /// `TooComplex` where such queries together would be too large a statement.
    pub(super) fn stand_in(&mut self, access: &'a Access) -> Result<Option<&'a Value>> {
        if self.rights.names_only {
            return Ok(None);
        }
        // Before it takes the memory.
        self.added += access.size;
        if self.added > MAX_NODES {
            let message = format!("views and rules stand for more than {MAX_NODES} parts");
            return Err(Error::new(ErrorKind::TooComplex, message));
        }
        if access.kind == RelationKind::View {
            self.found.views.insert(access.name.clone());
        }
        let inlined = access.inlined.as_ref();
        self.found.governed |= access.barrier.is_some() || inlined.is_some_and(|i| i.governed);
        Ok(access.barrier.as_ref().or(inlined.map(|i| &i.query)))
    }
}
