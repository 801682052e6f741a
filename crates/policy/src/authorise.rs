//! From a statement to a request that a worker takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::{Field as ArrowField, Schema};
use model::{
    Error, ErrorKind, ExecKind, ExecRequest, Expected, OnConflict, ParamValue, Positions,
    Principal, RelationName, RequestParts, Result, ResultColumn, ResultSchema, Returning, SqlType,
    StatementId, TEMPORARY,
};
use plan::{Query, Statement};
use serde_json::Value;
use tree::grammar::Field;
use tree::{Description, Parser, Sidecar};

use crate::closed;
use crate::compile::Compiler;
use crate::copies;
use crate::facts::Facts;
use crate::inquiry;
use crate::mapping::Mappings;
use crate::parameters::{cast_parameters, name_parameters, settled_type};
use crate::rewrite::Rewriter;
use crate::rights::Rights;
use crate::seal::{Sealed, seal};
use crate::sequence;
use crate::summarize;
use crate::view::View;
use crate::{ddl, dml, insert, merge, write, write_view};

/// What a statement answers with when done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum CommandTag {
    Select,
    Explain,
    Show,
    Insert,
    Update,
    Delete,
    Merge,
    Truncate,
    CreateTable,
    CreateTableAs,
    DropTable,
    CreateView,
    DropView,
    CreateSchema,
    DropSchema,
    AlterTable,
    CreateIndex,
    DropIndex,
    CreateSequence,
    DropSequence,
    Comment,
    Vacuum,
    Analyze,
    Checkpoint,
}

/// A statement under one view: rewritten, checked, described. Holds for as long as catalogs, policy
/// and rights stay as they were.
#[derive(Debug)]
pub struct Authorised {
    pub(crate) principal: Arc<Principal>,
    pub(crate) kind: ExecKind,
    pub(crate) tag: CommandTag,
    pub(crate) sql: Arc<str>,
    pub(crate) query: Option<Arc<str>>,
    pub(crate) on_conflict: Option<OnConflict>,
    pub(crate) returning: Option<Returning>,
    pub(crate) expected: Arc<Expected>,
    pub(crate) description: Description,
    pub(crate) governed: bool,
    /// Where the parts of its query stand in the user's text.
    pub(crate) positions: Positions,
    /// The views that it names.
    pub(crate) views: BTreeSet<RelationName>,
    pub(crate) answer: Answer,
    /// The snapshot that it was made for.
    pub(crate) catalog_version: u64,
    pub(crate) facts: Facts,
}

/// Who answers a statement.
#[derive(Debug)]
pub(crate) enum Answer {
    Worker,
    Rows(Arc<ResultSchema>, RecordBatch),
    Nothing,
}

impl Authorised {
    /// Its parameters and columns.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Query or write.
    pub fn kind(&self) -> &ExecKind {
        &self.kind
    }

    /// Whether it gives rows: a query, or a write with RETURNING.
    pub fn gives_rows(&self) -> bool {
        matches!(self.kind, ExecKind::Query) || self.description.schema.is_some()
    }

    /// Whether it writes to something that other sessions see: also a query, if it draws from a sequence.
    pub fn writes_shared(&self) -> bool {
        let mut catalogs = self.kind.written(&self.expected);
        catalogs.any(|catalog| catalog != TEMPORARY)
    }

    /// What it answers with when done.
    pub fn command_tag(&self) -> CommandTag {
        self.tag
    }

    /// The rows of a statement that needs no worker, such as DESCRIBE.
    pub fn local_rows(&self) -> Option<(&Arc<ResultSchema>, &RecordBatch)> {
        match &self.answer {
            Answer::Rows(schema, batch) => Some((schema, batch)),
            Answer::Worker | Answer::Nothing => None,
        }
    }

    /// The relations and functions that it names once rewritten.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Whether a relation takes part of which its principal sees less than all.
    pub fn is_governed(&self) -> bool {
        self.governed
    }

    /// Whether it is done by doing nothing, as DROP TABLE IF EXISTS of what does not exist.
    pub fn is_noop(&self) -> bool {
        matches!(self.answer, Answer::Nothing)
    }

    /// The text that runs. For admins and tests: it shows the policy.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Seals the request with its values.
    ///
    /// # Errors
    /// `Protocol` where the count of values is wrong.
    pub fn request(
        &self,
        id: StatementId,
        params: Vec<ParamValue>,
        time_zone: Arc<str>,
        deadline: Option<Instant>,
    ) -> Result<ExecRequest> {
        let wanted = self.description.parameters.len();
        if params.len() != wanted {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "the statement has {wanted} parameters, and {} values were given",
                    params.len()
                ),
            ));
        }
        #[expect(clippy::disallowed_methods, reason = "policy is the one that seals")]
        let request = ExecRequest::seal(RequestParts {
            id,
            principal: Arc::clone(&self.principal),
            kind: self.kind.clone(),
            sql: Arc::clone(&self.sql),
            query: self.query.clone(),
            on_conflict: self.on_conflict.clone(),
            returning: self.returning.clone(),
            params,
            expected: Arc::clone(&self.expected),
            schema: self.description.schema.clone(),
            governed: self.governed,
            positions: self.positions.clone(),
            catalog_version: self.catalog_version,
            time_zone,
            deadline,
            spill: None,
        });
        Ok(request)
    }
}

/// Rewrites, checks and describes a statement under a view. `sidecar` is built from the view's
/// visible catalogs; `declared` are the types that the client gives its parameters.
///
/// # Errors
/// What the user did wrong, in terms of what they may see; `Internal` where the final text is not
/// what policy made.
pub fn authorise(
    statement: &Statement,
    view: &View,
    sidecar: &Sidecar,
    declared: &[Option<SqlType>],
    parser: &Parser,
) -> Result<Authorised> {
    let context = Context {
        view,
        sidecar,
        declared,
        parser,
    };
    let mut authorised = match statement {
        Statement::Query(query) => context.query(query)?,
        Statement::Describe(query) => inquiry::describe(&context, query)?,
        Statement::Explain(explain) => inquiry::explain(&context, explain)?,
        Statement::Summarize(summarize) => {
            let query = summarize::query(&context, summarize)?;
            Authorised {
                // Its text is not the user's.
                positions: Positions::default(),
                ..context.query(&query)?
            }
        }
        Statement::Show(show) => inquiry::show(&context, show)?,
        Statement::CreateTable(create) => write::create_table(&context, create)?,
        Statement::Insert(insert) => insert::insert(&context, insert)?,
        Statement::Update(update) => dml::update(&context, update)?,
        Statement::Delete(delete) => dml::delete(&context, delete)?,
        Statement::Merge(merge) => merge::merge(&context, merge)?,
        Statement::Truncate(name) => dml::truncate(&context, name)?,
        Statement::DropTable(drop) => write::drop_table(&context, drop)?,
        Statement::CreateView(create) => write_view::create(&context, create)?,
        Statement::DropView(drop) => write_view::drop(&context, drop)?,
        Statement::Ddl(statement) => ddl::authorise(&context, statement)?,
    };
    sequence::check_catalogs(&authorised.kind, &authorised.expected)?;
    authorised.find_facts(statement, view);
    Ok(authorised)
}

/// What a statement is authorised with.
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) sidecar: &'a Sidecar,
    pub(crate) declared: &'a [Option<SqlType>],
    pub(crate) parser: &'a Parser,
}

/// A query in its final form.
pub(crate) struct Final {
    pub(crate) sql: Arc<str>,
    pub(crate) expected: Arc<Expected>,
    pub(crate) positions: Positions,
    pub(crate) description: Description,
    pub(crate) governed: bool,
    pub(crate) views: BTreeSet<RelationName>,
}

impl Context<'_> {
    fn query(&self, query: &Query) -> Result<Authorised> {
        let done = self.finish_as(query, &|text| Ok(text.to_owned()), true)?;
        Ok(Authorised {
            principal: Arc::clone(self.view.principal()),
            kind: ExecKind::Query,
            tag: CommandTag::Select,
            query: Some(Arc::clone(&done.sql)),
            on_conflict: None,
            returning: None,
            sql: done.sql,
            expected: done.expected,
            description: done.description,
            governed: done.governed,
            positions: done.positions,
            views: done.views,
            answer: Answer::Worker,
            catalog_version: self.view.visible().version,
            facts: Facts::default(),
        })
    }

    /// Steps 3 to 15 for one query. `wrap` makes the statement that the sidecar binds of the query's
    /// text: the query itself, or an INSERT of it.
    pub(crate) fn finish(
        &self,
        query: &Query,
        wrap: &dyn Fn(&str) -> Result<String>,
    ) -> Result<Final> {
        self.finish_as(query, wrap, false)
    }

    /// The same; `alone` says that the query is the whole statement.
    fn finish_as(
        &self,
        query: &Query,
        wrap: &dyn Fn(&str) -> Result<String>,
        alone: bool,
    ) -> Result<Final> {
        let mut rewritten = query.tree.clone();
        let found = Rewriter::new(Rights::of(self.view), self.parser)
            .with_sequences()
            .rewrite(&mut rewritten)?;
        let wrapped = wrap(&query.text)?;
        let first = self.sidecar.describe(&wrapped);
        let first = first.map_err(|e| in_query(e, &wrapped, &query.text))?;
        let description = self.settle(query, first, wrap)?;
        // Every parameter says its type: with values of another type bound, DuckDB 1.5.5 binds anew, which
        // for some statements ends the whole instance with an internal error.
        self.cast_all(&mut rewritten, &description.parameters)?;
        if description.schema.is_none() {
            return Err(Error::new(
                ErrorKind::IndeterminateDatatype,
                "could not determine the types of the result",
            )
            .with_hint("add a cast to the parameter"));
        }
        if found.governed {
            copies::add(&mut rewritten, self.view)?;
            if alone {
                closed::open(&mut rewritten, self.view);
            }
        }
        let sealed = seal(&mut rewritten, Rights::of(self.view), self.parser)?;
        Ok(Final {
            sql: sealed.sql,
            expected: sealed.expected,
            positions: sealed.positions,
            description,
            governed: found.governed,
            views: found.views,
        })
    }

    /// What the sidecar says of a query once the parameters of unknown type have one.
    pub(crate) fn settle(
        &self,
        query: &Query,
        first: Description,
        wrap: &dyn Fn(&str) -> Result<String>,
    ) -> Result<Description> {
        let open: Vec<bool> = first.parameters.iter().map(SqlType::is_unknown).collect();
        if !open.contains(&true) {
            return Ok(first);
        }
        let settled = |(i, found): (usize, &SqlType)| match found.is_unknown() {
            true => settled_type(self.declared.get(i).and_then(Option::as_ref)),
            false => found.clone(),
        };
        let types = first.parameters.iter().enumerate().map(settled).collect();
        self.describe_cast(query, first, types, &open, wrap)
    }

    /// Puts casts to these types around all parameters.
    pub(crate) fn cast_all(&self, tree: &mut Value, types: &[SqlType]) -> Result<()> {
        self.cast(tree, types, &vec![true; types.len()])
    }

    /// [`seal`] with the principal's own rights.
    pub(crate) fn seal_text(&self, tree: &mut Value) -> Result<Sealed> {
        seal(tree, Rights::of(self.view), self.parser)
    }

    /// A type in the tree's form.
    pub(crate) fn type_tree(&self, sql_type: &SqlType) -> Result<Value> {
        self.compiler().type_tree(sql_type)
    }

    fn compiler(&self) -> Compiler<'_> {
        Compiler {
            parser: self.parser,
            sidecar: self.sidecar,
            principal: self.view.principal(),
            attributes: &self.view.set().rules.attributes,
            mappings: Mappings::NONE,
        }
    }

    fn cast(&self, tree: &mut Value, types: &[SqlType], open: &[bool]) -> Result<()> {
        let compiler = self.compiler();
        cast_parameters(tree, Field::Query, &|n| match n
            .checked_sub(1)
            .and_then(|i| Some((types.get(i)?, open.get(i)?)))
        {
            Some((sql_type, true)) => compiler.type_tree(sql_type).map(Some),
            _ => Ok(None),
        })
    }

    /// Binds the user's query once more, with the types that its open parameters get.
    fn describe_cast(
        &self,
        query: &Query,
        first: Description,
        types: Vec<SqlType>,
        open: &[bool],
        wrap: &dyn Fn(&str) -> Result<String>,
    ) -> Result<Description> {
        let mut original = query.tree.clone();
        self.cast(&mut original, &types, open)?;
        name_parameters(&mut original);
        tree::normalize(&mut original)?;
        let printed = wrap(&self.parser.print(&original)?)?;
        let second = self.sidecar.describe(&printed).map_err(|e| {
            let number = open.iter().position(|o| *o).unwrap_or_default() + 1;
            Error::new(
                ErrorKind::IndeterminateDatatype,
                format!("could not determine data type of parameter ${number}"),
            )
            .with_hint("add a cast, such as $1::integer")
            .with_cause(e)
        })?;
        // DuckDB names no column while a type is open: one `unknown` stands for all.
        let names = if first.schema.is_some() {
            first.names
        } else {
            second.names
        };
        let schema = second
            .schema
            .map(|schema| Arc::new(renamed(&schema, &names)));
        Ok(Description {
            parameters: types,
            schema,
            names,
        })
    }
}

/// The position of an error in a text as one in the query that is in it.
fn in_query(error: Error, text: &str, query: &str) -> Error {
    let before = text.find(query);
    let position = error.position().zip(before);
    let position = position.and_then(|(at, before)| at.checked_sub(before));
    match position.filter(|at| *at <= query.len()) {
        Some(position) => error.with_position(position),
        None => error.without_position(),
    }
}

/// The same columns under other names.
fn renamed(schema: &ResultSchema, names: &[String]) -> ResultSchema {
    let columns = schema
        .columns
        .iter()
        .zip(names)
        .map(|(column, name)| ResultColumn {
            name: name.clone(),
            sql_type: column.sql_type.clone(),
        })
        .collect();
    let fields: Vec<ArrowField> = schema
        .arrow
        .fields()
        .iter()
        .zip(names)
        .map(|(field, name)| field.as_ref().clone().with_name(name))
        .collect();
    ResultSchema {
        columns,
        arrow: Arc::new(Schema::new(fields)),
    }
}
