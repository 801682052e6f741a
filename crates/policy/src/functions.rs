//! The function list: what a statement may call. The decisions and their reasons are data, in
//! `functions.toml`; what is not listed is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

/// Classes of functions, as `duckdb_functions()` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "variants are DuckDB's function types")]
pub enum FunctionClass {
    Scalar,
    Aggregate,
    Window,
    Macro,
    Table,
    TableMacro,
    Pragma,
}

/// What is decided of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Anybody may call it.
    Allow,
    /// Nobody may.
    Deny,
    /// Eider puts a constant in its place.
    Session,
    /// In some statements, of a sequence that a literal names.
    Sequence,
}

/// What the list says of a function in one class.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The decision.
    pub decision: Decision,
    /// Why.
    pub reason: &'static str,
    /// Never throws, so policies may call it.
    pub total: bool,
    /// Never throws where all arguments but the first are literals.
    pub total_with_literals: bool,
    /// On TIMESTAMPTZ its result follows the session's time zone.
    pub time_zone: bool,
    /// A number in the call sets the size of the result.
    pub sized: bool,
    /// Which argument, from 1, that number is; all are where there is none.
    pub size_argument: Option<usize>,
    /// The first argument is a format whose numbers set the size of the result.
    pub format: bool,
    /// Which argument, from 1, names an aggregate in text.
    pub names_aggregate: Option<usize>,
}

/// The parsed list.
#[derive(Debug)]
pub struct Functions {
    rules: BTreeMap<(FunctionClass, String), Rule>,
    operators: BTreeSet<String>,
    syntax: BTreeSet<String>,
    bare: BTreeMap<String, (Decision, String)>,
    collations: BTreeSet<String>,
}

/// The list in the binary.
pub fn functions() -> &'static Functions {
    static LIST: LazyLock<Functions> = LazyLock::new(|| {
        toml::from_str::<File>(include_str!("functions.toml"))
            .map(Functions::from)
            .expect("functions.toml is well formed, as its test shows")
    });
    &LIST
}

impl Functions {
    /// The rule for a function in one class.
    pub fn rule(&self, class: FunctionClass, name: &str) -> Option<Rule> {
        self.rules.get(&(class, model::fold(name))).copied()
    }

    /// The rules for a call in an expression: one of each class that has the name.
    pub fn expression(&self, name: &str) -> Vec<Rule> {
        [
            FunctionClass::Scalar,
            FunctionClass::Aggregate,
            FunctionClass::Macro,
        ]
        .into_iter()
        .filter_map(|class| self.rule(class, name))
        .collect()
    }

    /// The rules for a call in FROM.
    pub fn table(&self, name: &str) -> Vec<Rule> {
        [FunctionClass::Table, FunctionClass::TableMacro]
            .into_iter()
            .filter_map(|class| self.rule(class, name))
            .collect()
    }

    /// Whether this may be written as an operator.
    pub fn is_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    /// Whether the grammar knows this call and no catalog lists it.
    pub fn is_syntax(&self, name: &str) -> bool {
        self.syntax.contains(&model::fold(name))
    }

    /// What a name without parentheses calls where no column has the name.
    pub fn bare(&self, name: &str) -> Option<(Decision, &str)> {
        self.bare
            .get(&model::fold(name))
            .map(|(decision, call)| (*decision, call.as_str()))
    }

    /// Whether every part of a collation, such as `de.nocase`, is allowed.
    pub fn is_collation(&self, collation: &str) -> bool {
        collation
            .split('.')
            .all(|part| self.collations.contains(&model::fold(part)))
    }

    /// All pairs of class and folded name.
    pub fn pairs(&self) -> impl Iterator<Item = (FunctionClass, &str)> {
        self.rules
            .keys()
            .map(|(class, name)| (*class, name.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(
        dead_code,
        reason = "told to people; the test compares with the library itself"
    )]
    engine: String,
    group: Vec<Group>,
    operator: Vec<Names>,
    syntax: Vec<Names>,
    bare: Vec<Bare>,
    #[serde(rename = "type")]
    #[expect(
        dead_code,
        reason = "types are decided by the tree's grammar; the list is its documentation"
    )]
    types: Vec<Spelled>,
    collation: Vec<Names>,
    #[expect(dead_code, reason = "sample methods are decided by the tree's grammar")]
    sample: Vec<Names>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    class: FunctionClass,
    decision: Decision,
    reason: String,
    #[serde(default)]
    total: bool,
    #[serde(default)]
    total_with_literals: bool,
    #[serde(default)]
    time_zone: bool,
    #[serde(default)]
    sized: bool,
    size_argument: Option<usize>,
    #[serde(default)]
    format: bool,
    names_aggregate: Option<usize>,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    decision: Decision,
    #[expect(dead_code, reason = "for people")]
    reason: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for people")]
    sized: bool,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    decision: Decision,
    #[expect(dead_code, reason = "for people")]
    reason: String,
    calls: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "types are decided by the tree's grammar")]
struct Spelled {
    spelled: String,
    decision: Decision,
    reason: String,
    names: Vec<String>,
}

impl From<File> for Functions {
    fn from(file: File) -> Self {
        let mut rules = BTreeMap::new();
        for group in file.group {
            // The list lives as long as the process.
            let reason: &'static str = group.reason.leak();
            for name in group.names {
                let rule = Rule {
                    decision: group.decision,
                    reason,
                    total: group.total,
                    total_with_literals: group.total_with_literals,
                    time_zone: group.time_zone,
                    sized: group.sized,
                    size_argument: group.size_argument,
                    format: group.format,
                    names_aggregate: group.names_aggregate,
                };
                rules.insert((group.class, model::fold(&name)), rule);
            }
        }
        let allowed = |lists: Vec<Names>| {
            lists
                .into_iter()
                .filter(|l| l.decision == Decision::Allow)
                .flat_map(|l| l.names)
                .map(|n| model::fold(&n))
                .collect()
        };
        let bare = file
            .bare
            .into_iter()
            .flat_map(|b| {
                b.calls
                    .into_iter()
                    .map(move |(name, call)| (model::fold(&name), (b.decision, call)))
            })
            .collect();
        Self {
            rules,
            operators: allowed(file.operator),
            syntax: allowed(file.syntax),
            bare,
            collations: allowed(file.collation),
        }
    }
}
