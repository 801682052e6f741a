//! Steps 3 to 8 and 11 of the rewriting: names resolved, functions allowed, every governed relation
//! behind its barrier.

mod given;
mod pivot;
mod samples;
mod stand_in;
mod with;

use std::collections::{BTreeSet, HashMap, VecDeque};

use model::{Error, RelationName, Result, fold};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{Parser, build, walk};

use self::with::Cte;
use crate::access::{Access, as_table};
use crate::calls::Calls;
use crate::costly::check_bound;
use crate::denial::denied;
use crate::estimate;
use crate::expansion;
use crate::file::Privilege;
use crate::parameters;
use crate::part::{located, names, walkable, within};
use crate::reserved::{GENERATED, is_reserved};
use crate::rights::Rights;
use crate::scope::{FromItem, FromScope, means_reserved, requalify, some_column};
use crate::sequence::SequenceCall;
use crate::star;

/// The name that the relation goes by that a statement writes. Other generated names count from 1.
pub(crate) const TARGET: &str = "__eider_t0";

/// Deepest nesting of queries.
const MAX_QUERY_DEPTH: usize = 100;

/// Deepest nesting of subqueries in expressions: DuckDB's binder takes twice as long with each level.
const MAX_SUBQUERY_DEPTH: usize = 16;

/// Rewrites one query for one principal.
pub(crate) struct Rewriter<'a> {
    rights: Rights<'a>,
    parser: &'a Parser,
    calls: Calls<'a>,
    /// CTEs in scope, innermost last.
    ctes: Vec<Cte>,
    froms: Vec<FromScope>,
    generated: usize,
    depth: usize,
    subquery_depth: usize,
    /// Parts of what has been put in the place of relations.
    added: usize,
    /// Names before a star that would print without the quotes they need.
    quoted_stars: BTreeSet<String>,
    /// Whether a name in the statement could be one of the session's own values, or a row's number.
    asks_session: bool,
    /// Folded names that the queries around a place give to columns, innermost last.
    given: Vec<BTreeSet<String>>,
    found: Found,
    /// What stands for the first relation of the outermost FROM, which the statement writes.
    source: Option<Value>,
}

/// What took part in a query.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Whether a relation of which the reader sees less than all.
    pub(crate) governed: bool,
    /// The views that it names.
    pub(crate) views: BTreeSet<RelationName>,
    /// Whether it draws from a sequence.
    draws: bool,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(rights: Rights<'a>, parser: &'a Parser) -> Self {
        Self {
            rights,
            parser,
            calls: Calls::new(rights),
            ctes: vec![],
            froms: vec![],
            generated: 0,
            depth: 0,
            subquery_depth: 0,
            added: 0,
            quoted_stars: BTreeSet::new(),
            asks_session: false,
            given: vec![],
            found: Found::default(),
            source: None,
        }
    }

    /// Puts `source` in the place of the first relation of the outermost FROM, under [`TARGET`].
    pub(crate) fn with_source(mut self, source: Value) -> Self {
        self.source = Some(source);
        self
    }

    /// Lets the query name sequences.
    pub(crate) fn with_sequences(mut self) -> Self {
        self.calls.allow_sequences();
        self
    }

    /// Rewrites in place, and says what takes part.
    pub(crate) fn rewrite(mut self, query: &mut Value) -> Result<Found> {
        expansion::check(query, self.rights)?;
        check_bound(query)?;
        estimate::check(query)?;
        self.survey(query, Field::Query)?;
        self.visit(query, Field::Query)?;
        // DuckDB draws for a batch of rows at once, also for those past a LIMIT: the next value would
        // tell how many of the rows around are hidden.
        if self.found.draws && self.found.governed {
            return Err(Error::not_supported(
                "nextval() in a query of a relation part of which is hidden",
            ));
        }
        if self.found.governed {
            samples::settle(query, Field::Query)?;
        }
        Ok(self.found)
    }

    /// Collects what has to be known of the whole statement before any part is rewritten.
    fn survey(&mut self, value: &mut Value, field: Field) -> Result<()> {
        let name = text(value, "relation_name");
        if field == Field::Expr && !name.is_empty() && !self.parser.is_plain(name) {
            self.quoted_stars.insert(fold(name));
        }
        let referred = names(&value["column_names"]).chain(names(&value["groups"]));
        for name in referred.map(fold) {
            // What is not allowed is told of where it stands.
            self.asks_session |= name == "rowid" || !matches!(self.calls.bare(&name), Ok(None));
        }
        walkable(field).map_or(Ok(()), |field| {
            walk::children(value, field, &mut |v, f| self.survey(v, f))
        })
    }

    fn visit(&mut self, value: &mut Value, field: Field) -> Result<()> {
        match field {
            Field::Node => self.node(value),
            Field::Expr => {
                tree::check_interrupt()?;
                self.expr(value)
            }
            Field::Table => self.table(value),
            Field::Query => {
                self.depth += 1;
                within(self.depth, MAX_QUERY_DEPTH, "queries")?;
                self.parts(value, Field::Query)?;
                self.depth -= 1;
                Ok(())
            }
            Field::MaybeSample => self.calls.sample(value),
            _ => Ok(()),
        }
    }

    fn parts(&mut self, value: &mut Value, field: Field) -> Result<()> {
        walk::children(value, field, &mut |v, f| self.visit(v, f))
    }

    fn fresh(&mut self, what: &str) -> String {
        self.generated += 1;
        format!("{GENERATED}{what}{}", self.generated)
    }

    fn node(&mut self, node: &mut Value) -> Result<()> {
        let outer = self.ctes.len();
        self.with_clause(node)?;
        let given = self.given_in(node);
        self.given.push(given);
        match text(node, "type") {
            "SELECT_NODE" => self.select(node)?,
            "SET_OPERATION_NODE" => {
                for field in ["left", "right"] {
                    self.visit(&mut node[field], Field::Node)?;
                }
                self.field(node, "modifiers", Field::Modifiers)?;
            }
            // Visited with the WITH entry that it is the body of.
            other => {
                return Err(Error::not_supported(format_args!(
                    "this form of SQL ({})",
                    fold(other)
                )));
            }
        }
        self.given.pop();
        self.ctes.truncate(outer);
        Ok(())
    }

    fn field(&mut self, value: &mut Value, name: &str, field: Field) -> Result<()> {
        walk::part(&mut value[name], field, &mut |v, f| self.visit(v, f))
    }

    fn select(&mut self, node: &mut Value) -> Result<()> {
        let mut scope = FromScope::default();
        let mut tables = VecDeque::new();
        self.gather(&node["from_table"], &mut scope, &mut tables)?;
        self.rename_alike(&mut scope);
        if let Some(source) = self.source.take()
            && let (Some(item), Some(table)) = (scope.0.first_mut(), tables.front_mut())
        {
            item.renamed = Some(TARGET.to_owned());
            *table = Source::Target(source);
        }
        self.froms.push(scope);
        // Expressions first, while relations still stand under their own names.
        self.visit(&mut node["from_table"], Field::Table)?;
        self.field(node, "where_clause", Field::MaybeExpr)?;
        self.select_list(&mut node["select_list"])?;
        for (name, field) in [
            ("group_expressions", Field::Exprs),
            ("having", Field::MaybeExpr),
            ("qualify", Field::MaybeExpr),
            ("sample", Field::MaybeSample),
            ("modifiers", Field::Modifiers),
        ] {
            self.field(node, name, field)?;
        }
        let scope = self.froms.pop().unwrap_or_default();
        let mut renamed = scope.0.into_iter();
        self.replace(&mut node["from_table"], &mut renamed, &mut tables)
    }

    /// A session function becomes a constant, and keeps the name that its column has without an alias.
    fn select_list(&mut self, list: &mut Value) -> Result<()> {
        for item in list.as_array_mut().into_iter().flatten() {
            let implicit = match text(item, "class") {
                "COLUMN_REF" => names(&item["column_names"]).last().map(str::to_owned),
                "FUNCTION" => Some(format!("{}()", text(item, "function_name"))),
                _ => None,
            };
            let class = text(item, "class").to_owned();
            self.visit(item, Field::Expr)?;
            if text(item, "class") != class
                && text(item, "alias").is_empty()
                && let Some(implicit) = implicit
            {
                item["alias"] = json!(implicit);
            }
        }
        Ok(())
    }

    /// Step 5: resolves the relations of one FROM, in order, and notes all names in it.
    fn gather(
        &self,
        table: &Value,
        scope: &mut FromScope,
        tables: &mut VecDeque<Source<'a>>,
    ) -> Result<()> {
        let alias = text(table, "alias");
        let mut item = FromItem::of(alias);
        match text(table, "type") {
            "JOIN" => {
                self.gather(&table["left"], scope, tables)?;
                self.gather(&table["right"], scope, tables)?;
                if alias.is_empty() {
                    return Ok(());
                }
            }
            "EMPTY" => return Ok(()),
            "BASE_TABLE" => {
                let source = self.source(table)?;
                let renames_columns = table["column_name_alias"]
                    .as_array()
                    .is_some_and(|a| !a.is_empty());
                if alias.is_empty() {
                    item = FromItem::of(text(table, "table_name"));
                }
                if let Source::Relation(access) = source {
                    item.full = alias.is_empty().then(|| access.name.clone());
                    item.columns = (!renames_columns).then(|| access.columns.clone());
                }
                tables.push_back(source);
            }
            "TABLE_FUNCTION" if alias.is_empty() => {
                item = FromItem::of(text(&table["function"], "function_name"));
            }
            _ => {}
        }
        scope.0.push(item);
        Ok(())
    }

    fn source(&self, table: &Value) -> Result<Source<'a>> {
        let parts = [
            text(table, "catalog_name"),
            text(table, "schema_name"),
            text(table, "table_name"),
        ];
        if let Some(cte) = self.cte(parts) {
            return Ok(Source::Cte(cte.generated.clone()));
        }
        let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        let located = |e: Error| match table["query_location"].as_u64() {
            Some(at) if at != build::NOWHERE => {
                e.with_position(usize::try_from(at).unwrap_or_default())
            }
            _ => e,
        };
        let access = self.rights.resolve(&parts).map_err(located)?;
        if !access.privileges.contains(&Privilege::Select) {
            let view = self.rights.view;
            return Err(located(denied(
                view,
                &access.name,
                Privilege::Select,
                "read",
            )));
        }
        Ok(Source::Relation(access))
    }

    /// Items of the same name, told apart only by what is before it, get names of their own; so do
    /// those whose name would print unquoted before a star, or looks like one of policy's own.
    fn rename_alike(&mut self, scope: &mut FromScope) {
        let mut known: HashMap<String, usize> = HashMap::new();
        for item in &scope.0 {
            *known.entry(item.folded_name().to_owned()).or_default() += 1;
        }
        for item in &mut scope.0 {
            let name = item.folded_name();
            let alike = item.full.is_some() && known.get(name).is_some_and(|count| *count > 1);
            // Policy's own names must not be taken for the user's, nor the other way round.
            if alike || is_reserved(name) || self.quoted_stars.contains(name) {
                self.generated += 1;
                item.renamed = Some(format!("{GENERATED}t{}", self.generated));
            }
        }
    }

    /// Visits what is inside FROM, but not the relations themselves.
    fn table(&mut self, table: &mut Value) -> Result<()> {
        if text(table, "type") == "PIVOT" {
            return self.pivot(table);
        }
        if text(table, "type") == "TABLE_FUNCTION" {
            self.calls.table_function(&table["function"])?;
            // The call itself has been judged as one in FROM; its arguments are expressions.
            self.field(&mut table["function"], "children", Field::Exprs)?;
            for field in ["filter", "order_bys"] {
                let kind = if field == "filter" {
                    Field::MaybeExpr
                } else {
                    Field::OrderModifier
                };
                self.field(&mut table["function"], field, kind)?;
            }
            return self.field(table, "sample", Field::MaybeSample);
        }
        self.parts(table, Field::Table)
    }

    /// Whether a column of this name is in scope.
    fn is_given(&self, folded: &str) -> bool {
        some_column(&self.froms, folded) || self.given.iter().any(|names| names.contains(folded))
    }

    /// Step 8: puts each relation of one FROM in the form that its reader may have.
    fn replace(
        &mut self,
        table: &mut Value,
        items: &mut impl Iterator<Item = FromItem>,
        tables: &mut VecDeque<Source<'a>>,
    ) -> Result<()> {
        if text(table, "type") == "JOIN" {
            self.replace(&mut table["left"], items, tables)?;
            self.replace(&mut table["right"], items, tables)?;
            if text(table, "alias").is_empty() {
                return Ok(());
            }
        }
        if text(table, "type") == "EMPTY" {
            return Ok(());
        }
        let item = items
            .next()
            .ok_or_else(|| Error::internal("an item of FROM was not gathered"))?;
        if text(table, "type") != "BASE_TABLE" {
            if let Some(renamed) = item.renamed {
                table["alias"] = json!(renamed);
            }
            return Ok(());
        }
        let source = tables
            .pop_front()
            .ok_or_else(|| Error::internal("a relation of FROM was not gathered"))?;
        let columns = table["column_name_alias"].take();
        let sample = table["sample"].take();
        let name = item.new_name();
        let stands_in = match &source {
            Source::Relation(access) => self.stand_in(access)?,
            _ => None,
        };
        *table = match source {
            Source::Cte(generated) => {
                table["table_name"] = json!(generated);
                table["alias"] = json!(name);
                table["column_name_alias"] = columns;
                table["sample"] = sample;
                return Ok(());
            }
            Source::Target(source) => as_table(&source, name, columns, sample),
            Source::Relation(_) if let Some(query) = stands_in => {
                as_table(query, name, columns, sample)
            }
            Source::Relation(access) => {
                let mut plain = build::base_table(&access.name, name);
                plain["column_name_alias"] = columns;
                plain["sample"] = sample;
                plain
            }
        };
        Ok(())
    }

    fn expr(&mut self, expr: &mut Value) -> Result<()> {
        match text(expr, "class") {
            "COLUMN_REF" => return self.column(expr),
            "STAR" => star::requalify(expr, &self.froms, self.parser)?,
            "FUNCTION" => {
                if let Some(other) = self.calls.function(expr)? {
                    let call = SequenceCall::of(text(&other, "function_name"));
                    self.found.draws |= call == Some(SequenceCall::Next);
                    *expr = other;
                    return Ok(());
                }
                self.parts(expr, Field::Expr)?;
                return self.calls.guard(expr);
            }
            "WINDOW" => {
                self.calls.window(expr)?;
                self.parts(expr, Field::Expr)?;
                return self.calls.guard(expr);
            }
            "COLLATE" => self.calls.collation(expr)?,
            "PARAMETER" => parameters::check(expr)?,
            "SUBQUERY" => {
                self.subquery_depth += 1;
                within(
                    self.subquery_depth,
                    MAX_SUBQUERY_DEPTH,
                    "subqueries in expressions",
                )?;
                self.parts(expr, Field::Expr)?;
                self.subquery_depth -= 1;
                return Ok(());
            }
            _ => {}
        }
        self.parts(expr, Field::Expr)
    }

    fn column(&mut self, expr: &mut Value) -> Result<()> {
        let mut parts: Vec<String> = names(&expr["column_names"]).map(str::to_owned).collect();
        let last = parts.last().map(|p| fold(p)).unwrap_or_default();
        let given = self.is_given(&last);
        if means_reserved(&self.froms, &parts) || last == "rowid" && !given {
            return Err(located(pivot::undefined_column(&last), expr));
        }
        if parts.len() == 1
            && !given
            && let Some(constant) = self.calls.bare(&last)?
        {
            *expr = build::aliased(constant, text(expr, "alias"));
            return Ok(());
        }
        requalify(&self.froms, &mut parts);
        expr["column_names"] = json!(parts);
        Ok(())
    }
}

/// What a relation in FROM is.
enum Source<'a> {
    Cte(String),
    Relation(&'a Access),
    Target(Value),
}
