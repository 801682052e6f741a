//! Where the parts of a text that runs stand in the text that the user sent.

use std::sync::Arc;

/// Places in the text that runs, with the places in the user's text of the same parts. What is not in it
/// the user did not write. Cheap to share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// Ordered by the first.
    pairs: Arc<[(u32, u32)]>,
    /// Bytes of the text that runs before the query that the pairs are of.
    before: usize,
}

impl Positions {
    /// Of pairs of byte offsets: in the query that runs, and in the user's text.
    pub fn new(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        // A part and the first of its own parts may begin at one place, and then do so in both texts.
        pairs.dedup_by_key(|(place, _)| *place);
        Self {
            pairs: pairs.into(),
            before: 0,
        }
    }

    /// The same for a text that has the query after so many bytes.
    #[must_use]
    pub fn after(mut self, bytes: usize) -> Self {
        self.before = bytes;
        self
    }

    /// The place in the user's text of a part that begins here in the text that runs.
    pub fn original(&self, place: usize) -> Option<usize> {
        let place = u32::try_from(place.checked_sub(self.before)?).ok()?;
        let found = self.pairs.binary_search_by_key(&place, |(own, _)| *own);
        found.ok().map(|at| self.pairs[at].1 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_places_have_an_original() {
        let positions = Positions::new(vec![(20, 3), (7, 9), (20, 3)]);
        let found = [0, 7, 8, 20, 21].map(|place| positions.original(place));
        assert_eq!(found, [None, Some(9), None, Some(3), None]);
        let after = positions.after(100);
        let found = [7, 20, 107, 120].map(|place| after.original(place));
        assert_eq!(found, [None, None, Some(9), Some(3)]);
        assert_eq!(Positions::default().original(0), None);
    }
}
