//! How large the values of an expression may become by what its text says: a size in a call around
//! another, a lambda over a long list, a replacement in a long text. The engine makes texts and lists
//! outside of its memory limit, some 2,000 rows at once. What comes from data counts as one byte.

use std::collections::{BTreeMap, BTreeSet};

use model::{Error, ErrorKind, Result, fold};
use serde_json::Value;
use tree::grammar::text;

use crate::made::{Size, made};
use crate::part::{located, names};

/// Most bytes that a statement may make of its text in one value.
const MAX_BYTES: u64 = 10_000_000;

/// Most bytes in a value that each row has of its own.
const MAX_ROW_BYTES: u64 = 100_000;

/// Most parts that are looked at, some of them several times.
const MAX_VISITS: usize = 300_000;

/// Bounds what all expressions of a query make.
///
/// # Errors
/// `LimitExceeded`; `TooComplex` where to find out takes too long.
pub(crate) fn check(query: &Value) -> Result<()> {
    Estimate::default().of(query).map(|_| ())
}

#[derive(Default)]
struct Estimate {
    /// What names stand for that the text gives: columns of subqueries, fields, parameters of lambdas.
    named: BTreeMap<String, Size>,
    /// CTEs, and names in FROM of what is in the text.
    derived: BTreeSet<String>,
    /// Names in FROM of tables and views.
    stored: BTreeSet<String>,
    /// How often the part is computed for a row: for each element of the lists around it.
    times: Option<u64>,
    visits: usize,
}

impl Estimate {
    fn of(&mut self, part: &Value) -> Result<Size> {
        let size = match part {
            Value::Array(items) => return self.largest(items),
            Value::Object(_) => match text(part, "class") {
                "" => return self.node(part),
                "CONSTANT" => {
                    let bytes = part["value"]["value"].as_str().map_or(1, str::len);
                    Size::of(u64::try_from(bytes).unwrap_or(u64::MAX))
                }
                "COLUMN_REF" => self.name(part),
                "FUNCTION" => self.call(part)?,
                "COMPARISON" | "CONJUNCTION" | "BETWEEN" => self.fields(part)?.short(),
                _ => self.fields(part)?,
            },
            _ => return Ok(Size::SMALL),
        };
        self.visits += 1;
        if self.visits > MAX_VISITS {
            let message = "lambdas and recursive queries are nested too deeply";
            return Err(Error::new(ErrorKind::TooComplex, message));
        }
        let alias = text(part, "alias");
        if !alias.is_empty() {
            self.give(alias, size);
        }
        Ok(size)
    }

    fn largest<'v>(&mut self, parts: impl IntoIterator<Item = &'v Value>) -> Result<Size> {
        parts
            .into_iter()
            .try_fold(Size::SMALL, |size, part| Ok(size.or(self.of(part)?)))
    }

    fn fields(&mut self, part: &Value) -> Result<Size> {
        self.largest(part.as_object().into_iter().flat_map(|o| o.values()))
    }

    /// A query, a relation, or another part that is no expression.
    fn node(&mut self, node: &Value) -> Result<Size> {
        if !text(node, "type").is_empty() && !node["cte_map"].is_null() {
            return Ok(self.columns(node)?.into_iter().fold(Size::SMALL, Size::or));
        }
        let size = match text(node, "type") {
            // As many rows as its arguments say, a few at once.
            "TABLE_FUNCTION" => self.of(&node["function"]["children"])?.element(),
            // A CTE has the size of its largest column.
            "BASE_TABLE" => self.known(text(node, "table_name")),
            _ => self.fields(node)?,
        };
        self.place(node);
        let aliases = names(&node["column_name_alias"]).chain(names(&node["aliases"]));
        for name in aliases.chain(node["key"].as_str()) {
            self.give(name, size);
        }
        Ok(size)
    }

    /// Notes what a name in FROM, or of a CTE, is.
    fn place(&mut self, node: &Value) {
        let table = fold(text(node, "table_name"));
        let name = match fold(text(node, "alias")) {
            alias if alias.is_empty() => table.clone(),
            alias => alias,
        };
        if text(node, "type") == "BASE_TABLE" && !self.derived.contains(&table) {
            self.stored.insert(name);
        } else if !name.is_empty() {
            self.derived.insert(name);
        }
        if let Some(cte) = node["key"].as_str() {
            self.derived.insert(fold(cte));
        }
    }

    /// The columns of a query. What gives names to a part comes before it.
    fn columns(&mut self, query: &Value) -> Result<Vec<Size>> {
        self.of(&query["cte_map"])?;
        self.of(&query["from_table"])?;
        let columns = match text(query, "type") {
            "RECURSIVE_CTE_NODE" => self.recursion(query)?,
            "SET_OPERATION_NODE" => {
                let left = self.columns(&query["left"])?;
                let right = self.columns(&query["right"])?;
                left.into_iter().zip(right).map(|(l, r)| l.or(r)).collect()
            }
            _ => {
                let items = query["select_list"].as_array().into_iter().flatten();
                items.map(|item| self.of(item)).collect::<Result<_>>()?
            }
        };
        const SEEN: [&str; 5] = ["cte_map", "from_table", "left", "right", "select_list"];
        let fields = query.as_object().into_iter().flatten();
        let rest = fields.filter(|(name, _)| !SEEN.contains(&name.as_str()));
        self.largest(rest.map(|(_, value)| value))?;
        Ok(columns)
    }

    /// A recursive query must not make a value larger by more with each step: there are many.
    fn recursion(&mut self, query: &Value) -> Result<Vec<Size>> {
        let mut columns = self.columns(&query["left"])?;
        self.derived.insert(fold(text(query, "cte_name")));
        let mut given = output(&query["left"]);
        for (name, alias) in given.iter_mut().zip(names(&query["aliases"])) {
            alias.clone_into(name);
        }
        let mut steps = vec![Vec::new(); columns.len()];
        for _ in 0..3 {
            for (name, size) in given.iter().zip(&columns) {
                self.give(name, *size);
            }
            let next = self.columns(&query["right"])?;
            for ((column, next), steps) in columns.iter_mut().zip(next).zip(&mut steps) {
                steps.push(column.step_to(next));
                *column = column.or(next);
            }
        }
        steps.iter().try_for_each(|s| self.even(s, query))?;
        Ok(columns)
    }

    fn even(&self, steps: &[u64], part: &Value) -> Result<()> {
        if steps.windows(2).all(|pair| pair[1] <= pair[0]) {
            return Ok(());
        }
        let message = "a value is multiplied by each of many steps";
        Err(located(Error::new(ErrorKind::LimitExceeded, message), part))
    }

    /// Columns and fields: each row may have its own.
    fn give(&mut self, name: &str, size: Size) {
        let known = self.named.entry(fold(name)).or_insert(Size::SMALL);
        *known = known.or(size).of_rows();
    }

    fn name(&self, column: &Value) -> Size {
        let mut parts = names(&column["column_names"]).map(fold);
        let (first, last) = (parts.next().unwrap_or_default(), parts.last());
        match last {
            Some(_) if self.stored.contains(&first) && !self.derived.contains(&first) => {
                Size::SMALL.of_rows()
            }
            last => self.known(&last.unwrap_or(first)),
        }
    }

    fn known(&self, name: &str) -> Size {
        let known = self.named.get(&fold(name)).copied();
        known.unwrap_or(Size::SMALL.of_rows())
    }

    fn call(&mut self, call: &Value) -> Result<Size> {
        let name = fold(text(call, "function_name"));
        let arguments = call["children"].as_array().map(Vec::as_slice);
        let arguments = arguments.unwrap_or_default();
        let (lambdas, plain): (Vec<_>, Vec<_>) = arguments
            .iter()
            .partition(|argument| text(argument, "class") == "LAMBDA");
        let sizes = plain.iter().map(|argument| self.of(argument));
        let sizes: Vec<Size> = sizes.collect::<Result<_>>()?;
        let size = match lambdas.first() {
            Some(lambda) => self.over_list(&name, lambda, &sizes)?,
            None => made(&name, arguments, &sizes),
        };
        let most = if size.varies {
            MAX_ROW_BYTES
        } else {
            MAX_BYTES
        };
        let bytes = size.bytes().saturating_mul(self.times.unwrap_or(1));
        let given = sizes.iter().map(|s| s.bytes()).max().unwrap_or_default();
        if !size.grown || bytes <= most || size.bytes() <= given {
            return Ok(size);
        }
        let message = format!("{name}() here makes up to {bytes} bytes at once, of {most} allowed");
        Err(located(Error::new(ErrorKind::LimitExceeded, message), call))
    }

    /// A lambda is computed for each element of the list before it.
    fn over_list(&mut self, name: &str, lambda: &Value, sizes: &[Size]) -> Result<Size> {
        let list = sizes.first().map_or(Size::SMALL, |list| list.as_list());
        let parameters = parameters(&lambda["lhs"]);
        let known = |name: &String| (name.clone(), self.named.get(name).copied());
        let outer: Vec<_> = parameters.iter().map(known).collect();
        let times = self.times;
        self.times = Some(times.unwrap_or(1).saturating_mul(list.count));
        let reduces = name.ends_with("reduce");
        if let Some(element) = parameters.get(usize::from(reduces)) {
            self.named.insert(element.clone(), list.element());
        }
        let size = match parameters.first() {
            Some(sum) if reduces => {
                let mut value = sizes.get(1).copied().unwrap_or(list.element());
                let mut steps = Vec::new();
                for _ in 0..3 {
                    self.named.insert(sum.clone(), value);
                    let next = self.of(&lambda["expr"])?;
                    steps.push(value.step_to(next));
                    value = value.or(next);
                }
                self.even(&steps, lambda)?;
                value.after(steps.last().copied().unwrap_or_default(), list)
            }
            _ => {
                let body = self.of(&lambda["expr"])?;
                match name.ends_with("filter") {
                    true => list,
                    false => list.with_each(body),
                }
            }
        };
        self.times = times;
        for (name, known) in outer {
            match known {
                Some(known) => self.named.insert(name, known),
                None => self.named.remove(&name),
            };
        }
        Ok(size)
    }
}

fn parameters(left: &Value) -> Vec<String> {
    let several = left["children"].as_array().into_iter().flatten();
    std::iter::once(left)
        .chain(several)
        .filter_map(|p| names(&p["column_names"]).last().map(fold))
        .collect()
}

/// The names that a query gives its columns.
fn output(query: &Value) -> Vec<String> {
    let items = query["select_list"].as_array().into_iter().flatten();
    let name = |item: &Value| match text(item, "alias") {
        "" => names(&item["column_names"])
            .last()
            .unwrap_or_default()
            .to_owned(),
        alias => alias.to_owned(),
    };
    items.map(name).collect()
}
