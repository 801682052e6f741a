//! Patterns over names: `catalog.schema.table`, with `*` for any in each part.

use std::fmt;

use model::{RelationName, fold};

/// A pattern of `N` parts, folded. `None` is `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern<const N: usize>([Option<String>; N]);

impl<const N: usize> Pattern<N> {
    /// Reads `a.b.c`; a part may be in double quotes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = plan::tokens(text).map_err(|e| e.message().to_owned())?;
        let mut parts = Vec::with_capacity(N);
        for (i, token) in tokens.iter().enumerate() {
            if i % 2 == 1 {
                if !token.is_symbol('.') {
                    return Err(format!("expected a dot in \"{text}\""));
                }
            } else if token.is_symbol('*') {
                parts.push(None);
            } else if let Some(name) = token.name() {
                parts.push(Some(fold(&name)));
            } else {
                return Err(format!("expected a name or * in \"{text}\""));
            }
        }
        <[Option<String>; N]>::try_from(parts)
            .map(Self)
            .map_err(|_| format!("\"{text}\" must have {N} parts"))
    }

    /// A pattern of these parts.
    pub(crate) fn of(parts: [Option<&str>; N]) -> Self {
        Self(parts.map(|part| part.map(fold)))
    }

    /// The part, where it is not `*`.
    pub(crate) fn part(&self, n: usize) -> Option<&str> {
        self.0[n].as_deref()
    }

    /// Whether the first three parts match a relation. No rule is about what is temporary: it is its
    /// session's own.
    pub(crate) fn matches_relation(&self, name: &RelationName) -> bool {
        let parts = [&name.catalog, &name.schema, &name.name];
        let mut pairs = self.0.iter().zip(parts);
        !name.is_temporary() && pairs.all(|(p, part)| p.as_ref().is_none_or(|p| *p == fold(part)))
    }
}

impl<const N: usize> fmt::Display for Pattern<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.0.iter().map(|p| p.as_deref().unwrap_or("*")).collect();
        f.write_str(&parts.join("."))
    }
}

impl Pattern<3> {
    pub(crate) fn matches(&self, name: &RelationName) -> bool {
        self.matches_relation(name)
    }
}

impl Pattern<4> {
    pub(crate) fn matches(&self, name: &RelationName, column: &str) -> bool {
        let own = self.part(3).is_none_or(|p| p == fold(column));
        own && self.matches_relation(name)
    }
}
