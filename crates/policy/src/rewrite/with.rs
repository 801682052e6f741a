//! WITH.

use model::{Result, fold};
use serde_json::{Value, json};
use tree::grammar::{Field, text};

use super::Rewriter;

impl Rewriter<'_> {
    /// Step 4: an entry sees those before it and the outer ones; a recursive one sees itself in its
    /// right arm only. Each gets a generated name.
    pub(super) fn with_clause(&mut self, node: &mut Value) -> Result<()> {
        let Some(entries) = node["cte_map"]["map"].as_array_mut() else {
            return Ok(());
        };
        for entry in entries {
            let name = fold(text(entry, "key"));
            let generated = self.fresh("c");
            let info = &mut entry["value"];
            let body = &mut info["query"]["node"];
            if text(body, "type") == "RECURSIVE_CTE_NODE" {
                self.recursive(body, &name, &generated)?;
            } else {
                self.visit(&mut info["query"], Field::Query)?;
            }
            self.field(info, "key_targets", Field::Exprs)?;
            entry["key"] = json!(generated);
            self.ctes.push((name, generated));
        }
        Ok(())
    }

    fn recursive(&mut self, node: &mut Value, name: &str, generated: &str) -> Result<()> {
        let outer = self.ctes.len();
        self.with_clause(node)?;
        self.visit(&mut node["left"], Field::Node)?;
        self.ctes.push((name.to_owned(), generated.to_owned()));
        self.visit(&mut node["right"], Field::Node)?;
        self.field(node, "modifiers", Field::Modifiers)?;
        self.field(node, "key_targets", Field::Exprs)?;
        node["cte_name"] = json!(generated);
        self.ctes.truncate(outer);
        Ok(())
    }
}
