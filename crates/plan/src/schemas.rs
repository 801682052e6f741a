//! PostgreSQL's names of schemas, as clients write them: `public`, which DuckDB calls `main`, and
//! `pg_temp`, which is its catalog `temp`.

use std::borrow::Cow;

use model::Result;

use crate::lexer::{Token, TokenKind, tokens};

const NAMES: [(&str, &str); 2] = [("public", "main"), ("pg_temp", "temp")];

/// A text with PostgreSQL's names of schemas replaced by DuckDB's. Nothing else moves: a position in
/// the one text is the same position in the other. A text that uses such a name as anything but a
/// qualifier is left alone.
///
/// # Errors
/// `Syntax` for a text without end, as in the middle of a string.
pub fn with_own_schemas(text: &str) -> Result<Cow<'_, str>> {
    // Most texts have none.
    if !NAMES.iter().any(|(theirs, _)| contains(text, theirs)) {
        return Ok(Cow::Borrowed(text));
    }
    let tokens = tokens(text)?;
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, token) in tokens.iter().enumerate() {
        if let Some(own) = own_sequence(&tokens[..=at]) {
            replaced.push_str(&text[done..token.start]);
            replaced.push_str(&own);
            done = token.end();
            continue;
        }
        let Some(own) = own_name(token) else {
            continue;
        };
        if !tokens.get(at + 1).is_some_and(|next| next.is_symbol('.')) {
            return Ok(Cow::Borrowed(text));
        }
        replaced.push_str(&text[done..token.start]);
        replaced.push_str(&format!("{own:<width$}", width = token.text.len()));
        done = token.end();
    }
    replaced.push_str(&text[done..]);
    Ok(Cow::Owned(replaced))
}

/// Whether a name is one of PostgreSQL's that [`with_own_schemas`] replaces.
pub fn is_schema_of_postgres(name: &str) -> bool {
    NAMES.iter().any(|(theirs, _)| model::fold(name) == *theirs)
}

/// What a token that is one of the names is replaced by.
fn own_name(token: &Token<'_>) -> Option<&'static str> {
    let name = match token.kind {
        TokenKind::Word | TokenKind::QuotedName => token.name()?,
        _ => return None,
    };
    let mut names = NAMES.iter();
    let found = names.find(|(theirs, _)| model::fold(&name) == *theirs);
    found.map(|(_, own)| *own)
}

/// What the last of these tokens is replaced by, if it is the text of a sequence's name in `public`.
fn own_sequence(tokens: &[Token<'_>]) -> Option<String> {
    const THEIRS: &str = "public.";
    let [.., function, open, name] = tokens else {
        return None;
    };
    let called = ["nextval", "currval"].iter().any(|f| function.is_word(f));
    if !(called && open.is_symbol('(') && name.kind == TokenKind::Text) {
        return None;
    }
    let folded = model::fold(name.text);
    let at = match folded.starts_with(&format!("'{THEIRS}")) {
        true => 1,
        false => folded.find(&format!(".{THEIRS}"))? + 1,
    };
    let after = &name.text[at + THEIRS.len()..];
    Some(format!("{}\"main\".{after}", &name.text[..at]))
}

fn contains(text: &str, word: &str) -> bool {
    let mut places = text.as_bytes().windows(word.len());
    places.any(|place| place.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn qualifiers_are_replaced_and_nothing_moves() {
        for (text, expected) in [
            ("select 1", "select 1"),
            ("from public.t where x", "from main  .t where x"),
            ("from a.\"public\".t", "from a.main    .t"),
            ("from PUBLIC . t", "from main   . t"),
            (
                "select public.t.x from public.t",
                "select main  .t.x from main  .t",
            ),
            ("from pg_temp.t", "from temp   .t"),
            ("select 'public.t'", "select 'public.t'"),
            ("select nextval('Public.s')", "select nextval('\"main\".s')"),
            (
                "select currval ( 'a.public.s' ) from public.t",
                "select currval ( 'a.\"main\".s' ) from main  .t",
            ),
            ("select nextval('s.public')", "select nextval('s.public')"),
            ("select lower('public.s')", "select lower('public.s')"),
            ("select 'é', 1 from public.t", "select 'é', 1 from main  .t"),
        ] {
            let replaced = with_own_schemas(text).unwrap();
            assert_eq!(replaced, expected);
            assert_eq!(replaced.len(), text.len());
        }
    }

    #[test]
    fn a_name_that_is_something_else_too_is_left_alone() {
        for text in [
            "select public.x from t as public",
            "select public from t",
            "with public as (select 1 as x) select public.x from public",
        ] {
            assert_eq!(with_own_schemas(text).unwrap(), text);
        }
        assert!(with_own_schemas("from public.t where 'x").is_err());
    }
}
