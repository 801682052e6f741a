//! Relations and their names.

use model::fold;

/// A table or view.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) catalog: String,
    pub(super) schema: String,
    pub(super) name: String,
    /// Names and DuckDB's words for their types.
    pub(super) columns: Vec<(String, String)>,
    /// Columns that DuckDB computes, each with one that it is computed of.
    pub(super) computed: Vec<(String, String)>,
}

impl Table {
    /// Its full name, in quotes.
    pub(super) fn full(&self) -> String {
        self.full_in(&self.catalog)
    }

    /// The full name of what stands for it in another catalog.
    pub(super) fn full_in(&self, catalog: &str) -> String {
        [catalog, &self.schema, &self.name].map(quoted).join(".")
    }

    /// It with other columns.
    pub(super) fn with(&self, columns: Vec<(String, String)>) -> Self {
        Self {
            columns,
            ..self.clone()
        }
    }

    /// Whether it is the same relation of the same catalog.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.full() == other.full()
    }

    /// Whether a pattern of three parts is about it.
    pub(super) fn is_matched(&self, on: &str) -> bool {
        self.has(&parts(on))
    }

    /// The same of a pattern's parts.
    pub(super) fn has(&self, pattern: &[String]) -> bool {
        let own = [&self.catalog, &self.schema, &self.name];
        pattern.len() == own.len() && pattern.iter().zip(own).all(|(p, name)| fits(p, name))
    }
}

/// The parts of a pattern, between dots outside of quotes.
pub(super) fn parts(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in pattern.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    parts
}

/// Whether a part of a pattern is about a name.
pub(super) fn fits(part: &str, name: &str) -> bool {
    part == "*" || fold(part) == fold(name)
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_quotes_are_of_a_name() {
        assert_eq!(parts("a.\"b.c\".*"), ["a", "b.c", "*"]);
    }
}
