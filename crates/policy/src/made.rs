//! How large what a call makes may be, by how large its arguments are.

use serde_json::Value;
use tree::grammar::text;

use crate::formats;
use crate::sizes::{integer, length};

/// What a size that is computed counts as. A guard bounds it where the statement runs.
const COMPUTED: u64 = 1_000;

/// At most how large a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Values in a list, else 1.
    pub(crate) count: u64,
    /// Bytes of each.
    pub(crate) each: u64,
    /// Whether rows have values of their own.
    pub(crate) varies: bool,
    /// Whether a number or a replacement made it larger than what it is made of.
    pub(crate) grown: bool,
}

impl Size {
    pub(crate) const SMALL: Self = Self::of(1);

    pub(crate) const fn of(bytes: u64) -> Self {
        Self {
            count: 1,
            each: bytes,
            varies: false,
            grown: false,
        }
    }

    pub(crate) fn bytes(self) -> u64 {
        self.count.saturating_mul(self.each)
    }

    /// The larger one.
    pub(crate) fn or(self, other: Self) -> Self {
        let larger = if other.bytes() > self.bytes() {
            other
        } else {
            self
        };
        self.join(other, larger.count, larger.each)
    }

    /// A number or the like.
    pub(crate) fn short(self) -> Self {
        Self {
            varies: self.varies,
            ..Self::SMALL
        }
    }

    pub(crate) fn of_rows(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    pub(crate) fn element(self) -> Self {
        Self { count: 1, ..self }
    }

    /// As a list: where it is not known to be one, and a number made it, each byte may be an element.
    pub(crate) fn as_list(self) -> Self {
        match self.count {
            1 if self.grown => self.join(self, self.each, 1),
            _ => self,
        }
    }

    /// A list of as many others.
    pub(crate) fn with_each(self, each: Self) -> Self {
        self.join(each, self.count, each.bytes())
    }

    pub(crate) fn step_to(self, next: Self) -> u64 {
        next.bytes().saturating_sub(self.bytes())
    }

    /// After a step for each element of a list.
    pub(crate) fn after(self, step: u64, list: Self) -> Self {
        let more = step.saturating_mul(list.count);
        let size = self.join(list, 1, self.bytes().saturating_add(more));
        Self {
            grown: size.grown && more > 0,
            ..size
        }
    }

    /// Both in one: a list of both, or one text.
    fn and(self, other: Self) -> Self {
        if self.count > 1 || other.count > 1 {
            let count = self.count.saturating_add(other.count);
            return self.join(other, count, self.each.max(other.each));
        }
        self.join(other, 1, self.each.saturating_add(other.each))
    }

    fn join(self, other: Self, count: u64, each: u64) -> Self {
        Self {
            count,
            each,
            varies: self.varies || other.varies,
            grown: self.grown || other.grown,
        }
    }

    fn times(self, factor: u64) -> Self {
        let factor = factor.max(1);
        Self {
            each: self.each.saturating_mul(factor),
            grown: self.grown || factor > 1,
            ..self
        }
    }
}

/// What a call without a lambda makes of arguments of these sizes.
pub(crate) fn made(name: &str, arguments: &[Value], sizes: &[Size]) -> Size {
    let argument = |i: usize| sizes.get(i).copied().unwrap_or(Size::SMALL);
    let all = sizes.iter().copied().reduce(Size::and);
    let all = all.unwrap_or(Size::SMALL);
    let first = argument(0);
    // Each row has a value of its own also where only a size or a replacement differs.
    let own = Size {
        varies: all.varies,
        ..first
    };
    let number = |i: usize| match arguments.get(i).map(integer) {
        Some(Some(literal)) => u64::try_from(literal).unwrap_or_default(),
        _ => COMPUTED,
    };
    let sized = |count: u64, each: u64| Size {
        count: count.max(1),
        each,
        varies: all.varies,
        grown: true,
    };
    match name {
        _ if is_short(name) => all.short(),
        "greatest" | "least" | "coalesce" | "ifnull" | "nullif" => {
            sizes.iter().copied().fold(Size::SMALL, Size::or)
        }
        "repeat" if arguments.first().is_some_and(is_list) => {
            sized(first.count.saturating_mul(number(1)), first.each)
        }
        "repeat" => own.times(number(1)),
        "lpad" | "rpad" => sized(1, number(1).saturating_mul(argument(2).each.min(4))),
        "bitstring" => sized(1, number(1)),
        "list_resize" | "array_resize" => sized(number(1), first.each.max(argument(2).bytes())),
        "range" | "generate_series" => {
            let literals: Option<Vec<i64>> = arguments.iter().map(integer).collect();
            sized(literals.and_then(|l| length(&l)).unwrap_or(COMPUTED), 1)
        }
        "replace" => own.times(argument(2).bytes().div_ceil(argument(1).bytes().max(1))),
        "regexp_replace" => own.times(argument(2).bytes()),
        "hex" | "to_hex" | "regexp_escape" => own.times(2),
        "url_encode" => own.times(3),
        "bin" | "to_binary" => own.times(8),
        "format" | "printf" => {
            let format = arguments.first().map(|a| text(&a["value"], "value"));
            let format = format.unwrap_or_default();
            let places = u64::try_from(formats::places(name, format).len()).unwrap_or(u64::MAX);
            let largest = sizes.iter().skip(1).map(|s| s.bytes()).max();
            let width = formats::width(name, format);
            let filled = places.saturating_mul(largest.unwrap_or(1));
            let bytes = first.each.saturating_add(filled).saturating_add(width);
            sized(1, bytes)
        }
        "list_value" | "list_pack" | "array_value" => {
            let each = sizes.iter().map(|s| s.bytes()).max().unwrap_or(1);
            let count = u64::try_from(sizes.len()).unwrap_or(u64::MAX);
            Size {
                count: count.max(1),
                each,
                ..all
            }
        }
        "split"
        | "str_split"
        | "string_split"
        | "string_to_array"
        | "str_split_regex"
        | "string_split_regex"
        | "regexp_split_to_array"
        | "regexp_extract_all"
        | "flatten" => Size {
            count: first.bytes(),
            each: 1,
            ..all
        },
        "array_to_string" => {
            let each = first.each.saturating_add(argument(1).bytes());
            Size {
                count: 1,
                each: first.count.saturating_mul(each),
                ..all
            }
        }
        "unnest" | "unlist" => first.element(),
        _ => all,
    }
}

/// Whether an argument of `repeat` is seen to be a list.
fn is_list(expr: &Value) -> bool {
    let name = model::fold(text(expr, "function_name"));
    ["list", "array", "split"]
        .iter()
        .any(|part| name.contains(part))
        || matches!(name.as_str(), "range" | "generate_series")
}

/// Whether a call gives a number or another short value.
fn is_short(name: &str) -> bool {
    const SHORT: &[&str] = &[
        "!__postfix",
        "%",
        "*",
        "**",
        "+",
        "-",
        "/",
        "//",
        "^",
        "abs",
        "add",
        "ascii",
        "bit_length",
        "char_length",
        "character_length",
        "contains",
        "count",
        "hash",
        "instr",
        "len",
        "length",
        "length_grapheme",
        "md5",
        "multiply",
        "octet_length",
        "ord",
        "position",
        "sha256",
        "strlen",
        "strpos",
        "subtract",
        "sum",
    ];
    SHORT.contains(&name)
}
