//! WITH.

use std::collections::BTreeSet;

use model::{Result, fold};
use serde_json::{Value, json};
use tree::grammar::{Field, text};

use super::{Rewriter, names};

/// An entry of WITH.
#[derive(Clone)]
pub(super) struct Cte {
    /// Folded.
    name: String,
    pub(super) generated: String,
    /// Folded names of its columns.
    pub(super) outputs: BTreeSet<String>,
}

impl Rewriter<'_> {
    /// The CTE that a name in FROM means, if it means one.
    pub(super) fn cte(&self, [catalog, schema, name]: [&str; 3]) -> Option<&Cte> {
        let may_be = catalog.is_empty() && (schema.is_empty() || fold(schema) == "recurring");
        let mut ctes = self.ctes.iter().rev().filter(|_| may_be);
        ctes.find(|cte| cte.name == fold(name))
    }

    /// Step 4: an entry sees those before it and the outer ones; a recursive one sees itself in its
    /// right arm only. Each gets a generated name.
    pub(super) fn with_clause(&mut self, node: &mut Value) -> Result<()> {
        let Some(entries) = node["cte_map"]["map"].as_array_mut() else {
            return Ok(());
        };
        for entry in entries {
            let name = fold(text(entry, "key"));
            let generated = self.fresh("c");
            entry["key"] = json!(generated);
            let info = &mut entry["value"];
            let mut outputs: BTreeSet<String> = names(&info["aliases"]).map(fold).collect();
            outputs.extend(self.outputs(&info["query"]["node"]));
            let own = Cte {
                name,
                generated,
                outputs,
            };
            let body = &mut info["query"]["node"];
            if text(body, "type") == "RECURSIVE_CTE_NODE" {
                self.recursive(body, own.clone())?;
            } else {
                self.visit(&mut info["query"], Field::Query)?;
            }
            self.field(info, "key_targets", Field::Exprs)?;
            self.ctes.push(own);
        }
        Ok(())
    }

    fn recursive(&mut self, node: &mut Value, own: Cte) -> Result<()> {
        let outer = self.ctes.len();
        self.with_clause(node)?;
        self.visit(&mut node["left"], Field::Node)?;
        node["cte_name"] = json!(own.generated);
        self.ctes.push(own);
        self.visit(&mut node["right"], Field::Node)?;
        self.field(node, "modifiers", Field::Modifiers)?;
        self.field(node, "key_targets", Field::Exprs)?;
        self.ctes.truncate(outer);
        Ok(())
    }
}
