//! Whether anything was committed since a plan was made.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Counts commits, each at its beginning and at its end.
#[derive(Default)]
pub(crate) struct Changes {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A commit in progress, ended by drop.
pub(crate) struct Change<'a>(&'a Changes);

impl Changes {
    /// A commit begins. What it changes may be seen from now on.
    pub(crate) fn begin(&self) -> Change<'_> {
        self.begun.fetch_add(1, SeqCst);
        Change(self)
    }

    /// The number of commits so far, if none is in progress.
    pub(crate) fn settled(&self) -> Option<u64> {
        // In this order: a commit between the two reads makes them differ.
        let ended = self.ended.load(SeqCst);
        (self.begun.load(SeqCst) == ended).then_some(ended)
    }

    /// Whether no commit has begun since that many.
    pub(crate) fn is_still(&self, settled: u64) -> bool {
        self.begun.load(SeqCst) == settled
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_settled_while_a_commit_is_in_progress() {
        let changes = Changes::default();
        assert_eq!(changes.settled(), Some(0));
        let first = changes.begin();
        let second = changes.begin();
        assert_eq!(changes.settled(), None);
        assert!(!changes.is_still(0));
        drop(first);
        assert_eq!(changes.settled(), None);
        drop(second);
        assert_eq!(changes.settled(), Some(2));
        assert!(changes.is_still(2));
    }
}
