//! How much principals may take up.

use std::sync::Arc;
use std::time::Duration;

use model::{Principal, Share};

use crate::rules::Audience;

/// The bounds of one principal; `None` sets none beside the server's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Statements that run at once; further ones wait.
    pub statements: Option<Bound<usize>>,
    /// How much of the queue its waiting statements may take; further ones are refused.
    pub queue_share: Option<Bound<Share>>,
    /// How long a statement may take, from its arrival to its last row.
    pub statement_timeout: Option<Bound<Duration>>,
    /// Rows of one result.
    pub result_rows: Option<Bound<u64>>,
    /// Bytes of one result, in Arrow's memory.
    pub result_bytes: Option<Bound<u64>>,
    /// Bytes by which the temporary files of a statement's instance may grow while it runs.
    pub spill: Option<Bound<u64>>,
}

/// One bound, and which `[[limit]]` sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound<T> {
    /// The most that is allowed.
    pub most: T,
    /// The limit's id, else where it is written. The principal may know it.
    pub by: Arc<str>,
}

/// A `[[limit]]`.
#[derive(Debug)]
pub(crate) struct Limit {
    /// One principal; else the audience.
    pub(crate) principal: Option<String>,
    pub(crate) audience: Audience,
    pub(crate) limits: Limits,
}

impl Limit {
    pub(crate) fn applies(&self, principal: &Principal) -> bool {
        let named = self.principal.as_ref();
        named.is_none_or(|name| *name == principal.name) && self.audience.includes(principal)
    }
}

impl Limits {
    /// The stricter of each; of two alike the first.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            statements: least(self.statements, &other.statements),
            queue_share: least(self.queue_share, &other.queue_share),
            statement_timeout: least(self.statement_timeout, &other.statement_timeout),
            result_rows: least(self.result_rows, &other.result_rows),
            result_bytes: least(self.result_bytes, &other.result_bytes),
            spill: least(self.spill, &other.spill),
        }
    }
}

impl<T: Copy> Bound<T> {
    /// The most of a bound that may not be there.
    pub fn most(bound: Option<&Self>) -> Option<T> {
        bound.map(|bound| bound.most)
    }
}

fn least<T: Ord + Copy>(a: Option<Bound<T>>, b: &Option<Bound<T>>) -> Option<Bound<T>> {
    match (&a, b) {
        (Some(own), Some(other)) if other.most < own.most => b.clone(),
        (None, _) => b.clone(),
        _ => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound<T>(most: T, by: &str) -> Option<Bound<T>> {
        let by = by.into();
        Some(Bound { most, by })
    }

    #[test]
    fn the_stricter_of_each_holds_and_keeps_its_name() {
        let a = Limits {
            statements: bound(2, "a"),
            result_rows: bound(5, "a"),
            spill: bound(9, "a"),
            ..Limits::default()
        };
        let b = Limits {
            statements: bound(1, "b"),
            result_bytes: bound(7, "b"),
            spill: bound(9, "b"),
            ..Limits::default()
        };
        let both = a.clone().and(&b);
        assert_eq!(
            (both.statements, both.result_rows, both.result_bytes),
            (bound(1, "b"), bound(5, "a"), bound(7, "b"))
        );
        assert_eq!(both.statement_timeout, None);
        // Of two alike the first in the file.
        assert_eq!(both.spill, bound(9, "a"));
        assert_eq!(b.and(&a).spill, bound(9, "b"));
    }
}
