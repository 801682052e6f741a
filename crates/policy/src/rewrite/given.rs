//! Which names a query gives to columns: there a bare name such as `current_user` is a column, and the
//! session's own value everywhere else.

use std::collections::BTreeSet;

use model::fold;
use serde_json::Value;
use tree::grammar::text;

use super::pivot::made_columns;
use super::{Rewriter, names};

/// Folded names.
type Names = BTreeSet<String>;

impl Rewriter<'_> {
    /// The names that columns have in the clauses of a query node: its own list gives some, and what is
    /// in its FROM.
    pub(super) fn given_in(&self, node: &Value) -> Names {
        let mut given = Names::new();
        if self.asks_session {
            self.listed(node, &mut given);
            self.made_by(&node["from_table"], &mut given);
        }
        given
    }

    /// The names of the columns that come out of a query node.
    pub(super) fn outputs(&self, node: &Value) -> Names {
        let mut outputs = Names::new();
        if self.asks_session {
            self.come_out(node, &mut outputs);
        }
        outputs
    }

    fn come_out(&self, node: &Value, outputs: &mut Names) {
        self.listed(node, outputs);
        let list = node["select_list"].as_array().into_iter().flatten();
        for item in list.filter(|item| text(item, "alias").is_empty()) {
            match text(item, "class") {
                "COLUMN_REF" => outputs.extend(names(&item["column_names"]).last().map(fold)),
                "FUNCTION" => drop(outputs.insert(fold(text(item, "function_name")))),
                "STAR" => self.made_by(&node["from_table"], outputs),
                _ => {}
            }
        }
        for side in ["left", "right"].map(|side| &node[side]) {
            if side.is_object() {
                self.come_out(side, outputs);
            }
        }
    }

    /// The aliases of a query's list, or of the lists that it puts together.
    fn listed(&self, node: &Value, given: &mut Names) {
        let list = node["select_list"].as_array().into_iter().flatten();
        let aliases = list.map(|item| text(item, "alias"));
        given.extend(aliases.filter(|alias| !alias.is_empty()).map(fold));
        for side in ["left", "right"].map(|side| &node[side]) {
            if side.is_object() {
                self.listed(side, given);
            }
        }
    }

    /// The names of the columns of an item of FROM.
    fn made_by(&self, table: &Value, made: &mut Names) {
        made.extend(names(&table["column_name_alias"]).map(fold));
        match text(table, "type") {
            "JOIN" => {
                self.made_by(&table["left"], made);
                self.made_by(&table["right"], made);
            }
            "BASE_TABLE" => self.columns_of(table, made),
            "SUBQUERY" => {
                let node = &table["subquery"]["node"];
                self.come_out(node, made);
                // Names of its own WITH mean nothing outside of it, and are not in scope yet.
                let entries = node["cte_map"]["map"].as_array().into_iter().flatten();
                for entry in entries {
                    made.extend(names(&entry["value"]["aliases"]).map(fold));
                    self.come_out(&entry["value"]["query"]["node"], made);
                }
            }
            "PIVOT" => {
                made.extend(made_columns(table).map(fold));
                self.made_by(&table["source"], made);
            }
            // A column of a function in FROM is called as its alias, or as it.
            _ => {
                made.insert(fold(text(table, "alias")));
                made.insert(fold(text(&table["function"], "function_name")));
            }
        }
    }

    fn columns_of(&self, table: &Value, made: &mut Names) {
        let parts = ["catalog_name", "schema_name", "table_name"].map(|part| text(table, part));
        if let Some(cte) = self.cte(parts) {
            made.extend(cte.outputs.iter().cloned());
            return;
        }
        let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        // One that is not there is told of elsewhere.
        if let Ok(access) = self.rights.resolve(&parts) {
            made.extend(access.columns.iter().map(|c| fold(&c.name)));
        }
    }
}
