//! PIVOT without an IN list: its columns are the values that are there. DuckDB reads it as several
//! statements with a type between them; Eider asks for the values by a query like any other, and puts
//! them into the text.

use model::Result;
use tree::Parser;

use crate::lexer::{Token, tokens};

/// A PIVOT statement with expressions whose values are not named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPivot {
    text: String,
    /// Ends of the expressions without a list, in order.
    open: Vec<usize>,
    /// For each of them, the query of its values: one column of text, in order.
    queries: Vec<String>,
}

/// Recognises a PIVOT statement that does not name all of its values. `most` bounds the values that
/// each query asks for, by one more.
///
/// # Errors
/// `Syntax` for what can't be cut into tokens.
pub fn open_pivot(text: &str, parser: &Parser, most: usize) -> Result<Option<OpenPivot>> {
    let tokens = tokens(text)?;
    let found = Shape::find(&tokens).map(|shape| shape.read(text, &tokens, most));
    // What DuckDB reads as one query is one, whatever its tokens look like.
    let found = found.filter(|pivot| !pivot.open.is_empty());
    Ok(found.filter(|_| parser.parse(text).is_err()))
}

impl OpenPivot {
    /// The queries of the values, one for each expression.
    pub fn queries(&self) -> &[String] {
        &self.queries
    }

    /// The statement with one value for each expression, in place of those that it would find.
    pub fn with_any_values(&self) -> ClosedPivot {
        self.with_values(&vec![vec![String::new()]; self.queries.len()])
    }

    /// The same statement with these values for each expression.
    pub fn with_values(&self, values: &[Vec<String>]) -> ClosedPivot {
        let (mut text, mut inserted, mut copied) = (String::new(), Vec::new(), 0);
        for (end, values) in self.open.iter().zip(values) {
            text.push_str(&self.text[copied..*end]);
            copied = *end;
            let literals: Vec<String> = values
                .iter()
                .map(|v| format!("'{}'", v.replace('\'', "''")))
                .collect();
            let list = format!(" in ({})", literals.join(", "));
            inserted.push((text.len(), list.len()));
            text.push_str(&list);
        }
        text.push_str(&self.text[copied..]);
        ClosedPivot { text, inserted }
    }
}

/// A PIVOT statement with lists put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPivot {
    text: String,
    /// Where in `text` a list was put, and its length.
    inserted: Vec<(usize, usize)>,
}

impl ClosedPivot {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a place in the text was before lists were put into it.
    pub fn original(&self, position: usize) -> usize {
        let shift = |(start, length): &(usize, usize)| match position.checked_sub(*start) {
            Some(within) => within.min(*length),
            None => 0,
        };
        position - self.inserted.iter().map(shift).sum::<usize>()
    }
}

/// The tokens at which the parts of a PIVOT statement begin.
struct Shape {
    pivot: usize,
    on: usize,
    /// After the last expression.
    end: usize,
}

impl Shape {
    fn find(tokens: &[Token<'_>]) -> Option<Self> {
        let is = |i: usize, words: &[&str]| words.iter().any(|w| tokens[i].is_word(w));
        let outside: Vec<usize> = outside(tokens, 0, tokens.len()).collect();
        let starts = tokens.first()?;
        let pivot = *outside
            .iter()
            .find(|i| is(**i, &["pivot", "pivot_wider"]))?;
        if pivot != 0 && !starts.is_word("with") {
            return None;
        }
        // A join in the source has its ON before.
        let on = *outside
            .iter()
            .rev()
            .find(|i| **i > pivot && is(**i, &["on"]))?;
        let ends = ["using", "group", "order", "limit", "offset"];
        let end = outside.iter().find(|i| **i > on && is(**i, &ends));
        Some(Self {
            pivot,
            on,
            end: end.copied().unwrap_or(tokens.len()),
        })
    }

    fn read(&self, text: &str, tokens: &[Token<'_>], most: usize) -> OpenPivot {
        let between = |begin: usize, end: usize| match begin < end {
            true => &text[tokens[begin].start..tokens[end - 1].end()],
            false => "",
        };
        let with = between(0, self.pivot);
        let source = between(self.pivot + 1, self.on);
        let (mut open, mut queries, mut begin) = (vec![], vec![], self.on + 1);
        let commas = outside(tokens, begin, self.end).filter(|i| tokens[*i].is_symbol(','));
        for end in commas.chain([self.end]) {
            let has_list = outside(tokens, begin, end).any(|i| tokens[i].is_word("in"));
            if !has_list && begin < end {
                let expr = between(begin, end);
                open.push(tokens[end - 1].end());
                // Each piece may end in a comment: a line of its own keeps the rest out of it.
                queries.push(format!(
                    "{with}\nselect distinct cast(({expr}\n) as varchar) as value from {source}\n\
                     where ({expr}\n) is not null order by 1 limit {}",
                    most + 1
                ));
            }
            begin = end + 1;
        }
        OpenPivot {
            text: text.to_owned(),
            open,
            queries,
        }
    }
}

/// The tokens of a range that stand in no bracket that opens in it.
fn outside(tokens: &[Token<'_>], begin: usize, end: usize) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    (begin..end).filter(move |i| {
        let token = &tokens[*i];
        if "([{".chars().any(|c| token.is_symbol(c)) {
            depth += 1;
        } else if ")]}".chars().any(|c| token.is_symbol(c)) {
            depth = depth.saturating_sub(1);
            return false;
        }
        depth == 0
    })
}
