//! Search patterns of metadata commands.

/// Escapes `%`, `_` and itself in patterns; told to clients as SQL_SEARCH_STRING_ESCAPE.
pub(super) const ESCAPE: char = '\\';

/// A filter pattern: `%` stands for any text, `_` for one character.
pub(super) struct Pattern(Option<Vec<Token>>);

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Any,
    One,
    Char(char),
}

impl Pattern {
    /// The pattern of a command's field; `None` matches everything.
    pub(super) fn new(text: Option<&str>) -> Self {
        Self(text.map(|text| {
            let mut tokens = Vec::with_capacity(text.len());
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                let token = match c {
                    ESCAPE => Token::Char(chars.next().unwrap_or(ESCAPE)),
                    '%' => Token::Any,
                    '_' => Token::One,
                    c => Token::Char(c),
                };
                // Two in a row mean the same and would only cost time.
                if token != Token::Any || tokens.last() != Some(&Token::Any) {
                    tokens.push(token);
                }
            }
            tokens
        }))
    }

    /// Whether the whole name fits. Takes at most the product of both lengths in steps.
    pub(super) fn matches(&self, name: &str) -> bool {
        let Some(tokens) = &self.0 else { return true };
        let name: Vec<char> = name.chars().collect();
        let (mut t, mut n) = (0, 0);
        // Where to go on after a mismatch: behind the last `%`, one more character taken by it.
        let mut retry = None;
        while n < name.len() {
            match tokens.get(t) {
                Some(Token::Any) => {
                    t += 1;
                    retry = Some((t, n));
                }
                Some(Token::One) => (t, n) = (t + 1, n + 1),
                Some(Token::Char(c)) if *c == name[n] => (t, n) = (t + 1, n + 1),
                _ => match retry {
                    Some((token, start)) => {
                        (t, n) = (token, start + 1);
                        retry = Some((token, start + 1));
                    }
                    None => return false,
                },
            }
        }
        tokens[t..].iter().all(|token| *token == Token::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("%", "anything", true),
            ("%%", "x", true),
            ("a%", "abc", true),
            ("a%", "ba", false),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("%b%", "acc", false),
            ("_", "ä", true),
            ("_", "", false),
            ("__", "a", false),
            ("a_c", "abc", true),
            ("%aab", "aaaab", true),
            ("a%b%c", "axxbyybzc", true),
            ("a%b%c", "axxcyyb", false),
            (r"a\_c", "abc", false),
            (r"a\_c", "a_c", true),
            (r"100\%", "100%", true),
            (r"100\%", "1000", false),
            (r"a\\b", r"a\b", true),
            ("trailing\\", "trailing\\", true),
            ("Abc", "abc", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                Pattern::new(Some(pattern)).matches(name),
                expected,
                "{pattern:?} on {name:?}"
            );
        }
        assert!(Pattern::new(None).matches("x"));
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "%a".repeat(200) + "b";
        assert!(!Pattern::new(Some(&pattern)).matches(&"a".repeat(2000)));
    }
}
