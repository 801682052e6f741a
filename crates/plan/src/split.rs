//! Several statements in one text.

use model::Result;

use crate::lexer::tokens;

/// One statement of a longer text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its text, without the semicolon and the blanks around it.
    pub text: &'a str,
    /// Where it begins in the whole text: a byte offset.
    pub offset: usize,
}

/// Cuts a text at its semicolons. Pieces of blanks and comments only are left out.
///
/// # Errors
/// `Syntax` for a string, name or comment that does not end; `CharacterNotInRepertoire` for NUL.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut current: Option<(usize, usize)> = None;
    for token in tokens(text)? {
        if token.is_symbol(';') {
            pieces.extend(current.take());
        } else {
            let (start, _) = current.unwrap_or((token.start, 0));
            current = Some((start, token.end()));
        }
    }
    pieces.extend(current);
    Ok(pieces
        .into_iter()
        .map(|(start, end)| Piece {
            text: &text[start..end],
            offset: start,
        })
        .collect())
}
