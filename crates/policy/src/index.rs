//! Which rules may meet a relation, found without a look at all of them.

use std::collections::HashMap;

use model::{RelationName, fold};

use crate::pattern::Pattern;

/// Rules by the relations that they name. Those with a `*` are looked at for every relation.
#[derive(Debug, Default)]
pub(crate) struct Index {
    exact: HashMap<[String; 3], Vec<usize>>,
    wild: Vec<usize>,
}

impl Index {
    /// The index of rules, each with its patterns, in file order.
    pub(crate) fn of<'p, const N: usize>(rules: impl Iterator<Item = &'p [Pattern<N>]>) -> Self {
        let mut index = Self::default();
        for (number, patterns) in rules.enumerate() {
            for pattern in patterns {
                let parts = [pattern.part(0), pattern.part(1), pattern.part(2)];
                let places = match parts {
                    [Some(catalog), Some(schema), Some(name)] => {
                        let name = [catalog, schema, name].map(str::to_owned);
                        index.exact.entry(name).or_default()
                    }
                    _ => &mut index.wild,
                };
                if places.last() != Some(&number) {
                    places.push(number);
                }
            }
        }
        index
    }

    /// The numbers of the rules that name the relation or have a `*`, in file order.
    pub(crate) fn candidates(&self, name: &RelationName) -> Vec<usize> {
        let name = [&name.catalog, &name.schema, &name.name].map(|part| fold(part));
        let exact = self.exact.get(&name).map_or(&[][..], Vec::as_slice);
        let mut found = [exact, &self.wild].concat();
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn rules_are_found_in_file_order() {
        let patterns: Vec<[Pattern<3>; 1]> = ["a.b.c", "*.b.c", "A.B.d", "a.b.C", "*.*.*"]
            .map(|text| [Pattern::parse(text).unwrap()])
            .into();
        let index = Index::of(patterns.iter().map(<[_; 1]>::as_slice));
        assert_eq!(
            index.candidates(&RelationName::new("a", "b", "c")),
            [0, 1, 3, 4]
        );
        assert_eq!(
            index.candidates(&RelationName::new("A", "b", "D")),
            [1, 2, 4]
        );
        assert_eq!(index.candidates(&RelationName::new("x", "y", "z")), [1, 4]);
    }
}
