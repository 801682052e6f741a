//! What may throw: every allowed function of the library in every overload, table functions too, every
//! cast and comparison between the pools' types, and the syntax of `syntax.txt`.

use native::Connection;
use policy::{Decision, FunctionClass, functions};

use crate::pools::{POOLS, RARE, TARGETS, instances};
use crate::search::Kind;

/// A name, and the rare type that it is over, if any.
pub(crate) type Sort = (String, Option<&'static str>);

/// A form with typed holes, of which it is not known yet whether it throws.
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// SQL with `{0}`, `{1}`, … for columns: an expression, or an item of FROM.
    pub(crate) template: String,
    pub(crate) types: Vec<&'static str>,
    pub(crate) kind: Kind,
    /// A number in the call sets the size of the result: its ends would take the memory, not throw.
    pub(crate) sized: bool,
    /// It is a line of the file, and has to throw.
    pub(crate) written: bool,
}

impl Candidate {
    /// What it is counted as.
    pub(crate) fn sort(&self) -> Sort {
        let rare = self.types.iter().find(|t| RARE.contains(t));
        (self.name.clone(), rare.copied())
    }
}

/// All candidates, of which those that are written down come first.
pub(crate) fn candidates(library: &Connection) -> impl Iterator<Item = Candidate> {
    let scalar = called(library, FunctionClass::Scalar, "scalar", Kind::Function);
    let tables = called(library, FunctionClass::Table, "table", Kind::Rows);
    let aggregates = called(
        library,
        FunctionClass::Aggregate,
        "aggregate",
        Kind::Aggregate,
    );
    syntax()
        .into_iter()
        .chain(scalar)
        .chain(tables)
        .chain(casts())
        .chain(comparisons())
        .chain(aggregates)
}

/// The forms of the file.
fn syntax() -> Vec<Candidate> {
    let lines = include_str!("syntax.txt").lines();
    let lines = lines.filter(|l| !l.is_empty() && !l.starts_with("--"));
    lines
        .map(|line| {
            let (form, kind) = match line.strip_prefix("from ") {
                Some(item) => (item, Kind::Rows),
                None => (line, Kind::Syntax),
            };
            let mut template = String::new();
            let mut types = vec![];
            let mut rest = form;
            while let Some(at) = rest.find('{') {
                template += &rest[..at];
                rest = &rest[at..];
                let hole = |name: &str| rest[1..].starts_with(&format!("{name}}}"));
                match POOLS.iter().find(|(name, _)| hole(name)) {
                    Some((name, _)) => {
                        template += &format!("{{{}}}", types.len());
                        types.push(*name);
                        rest = &rest[name.len() + 2..];
                    }
                    None => {
                        template.push('{');
                        rest = &rest[1..];
                    }
                }
            }
            Candidate {
                name: line.to_owned(),
                template: template + rest,
                types,
                kind,
                sized: false,
                written: true,
            }
        })
        .collect()
}

/// Casts that throw, TRY_CAST among them: of some types it does.
fn casts() -> impl Iterator<Item = Candidate> {
    let pairs = POOLS
        .iter()
        .flat_map(|(from, _)| TARGETS.iter().map(move |to| (*from, *to)));
    pairs.flat_map(|(from, to)| {
        ["cast", "try_cast"].map(|word| Candidate {
            name: format!("{word} {from} to {to}"),
            template: format!("{word}({{0}} as {to})"),
            types: vec![from],
            kind: Kind::Cast,
            sized: false,
            written: false,
        })
    })
}

/// Two types that meet, so that DuckDB converts one of them.
fn comparisons() -> impl Iterator<Item = Candidate> {
    // Others are converted as one of these is, or not at all.
    let alike = [
        "TINYINT",
        "SMALLINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "FLOAT",
        "VARIANT",
    ];
    let is_nested = |t: &str| t.contains('[') || t.contains('(') && !t.starts_with("DECIMAL");
    let simple: Vec<&str> = POOLS
        .iter()
        .map(|(name, _)| *name)
        .filter(|t| !is_nested(t) && !alike.contains(t))
        .collect();
    let pairs: Vec<(&str, &str)> = (simple.iter().enumerate())
        .flat_map(|(n, left)| simple[..n].iter().map(move |right| (*left, *right)))
        .collect();
    let pairs = pairs.into_iter();
    pairs.map(|(left, right)| Candidate {
        name: format!("{left} = {right}"),
        template: "({0} = {1})".to_owned(),
        types: vec![left, right],
        kind: Kind::Cast,
        sized: false,
        written: false,
    })
}

/// Every overload of every function that statements may call, with types that columns may have.
fn called(
    library: &Connection,
    class: FunctionClass,
    function_type: &str,
    kind: Kind,
) -> Vec<Candidate> {
    let listed = library.query(&format!(
        "select distinct function_name, array_to_string(parameter_types, ';'), coalesce(varargs, '')
         from duckdb_functions() where function_type = '{function_type}' order by all"
    ));
    let mut candidates = vec![];
    for row in listed.unwrap().into_rows() {
        let [name, types, more] = row.try_into().unwrap();
        let (name, types, more) = (name.unwrap(), types.unwrap(), more.unwrap());
        let rule = functions().rule(class, &name);
        let Some(rule) = rule.filter(|r| r.decision == Decision::Allow) else {
            continue;
        };
        // What these take for a format or a step has to be written, as in the file.
        let steps = rule.sized && rule.size_argument.is_none() && types.split(';').count() == 3;
        if rule.format || class == FunctionClass::Scalar && steps {
            continue;
        }
        let mut parameters: Vec<&str> = types.split(';').filter(|t| !t.is_empty()).collect();
        if !more.is_empty() {
            parameters.resize(parameters.len().max(2), &more);
        }
        let mut signatures: Vec<Vec<&'static str>> = vec![vec![]];
        for parameter in &parameters {
            signatures = signatures
                .iter()
                .flat_map(|s| {
                    instances(parameter)
                        .iter()
                        .map(|t| [s.as_slice(), &[*t]].concat())
                })
                .collect();
        }
        for types in signatures.into_iter().filter(|s| !s.is_empty()) {
            candidates.push(Candidate {
                template: call(&name, types.len()),
                name: name.clone(),
                types,
                kind,
                sized: rule.sized,
                written: false,
            });
        }
    }
    candidates
}

/// A call as one writes it: operators between or before what they are about.
fn call(name: &str, arity: usize) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match arity {
        1 if !is_word => format!("({name} {{0}})"),
        2 if !is_word => format!("({{0}} {name} {{1}})"),
        _ => {
            let holes: Vec<String> = (0..arity).map(|n| format!("{{{n}}}")).collect();
            format!("\"{name}\"({})", holes.join(", "))
        }
    }
}
