//! From a statement to a request that a worker takes.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field as ArrowField, Schema};
use model::{
    Error, ErrorKind, ExecKind, ExecRequest, Expected, OnConflict, ParamValue, Principal,
    RequestParts, Result, ResultColumn, ResultSchema, Returning, SqlType, StatementId,
};
use plan::{Query, Statement};
use serde_json::Value;
use tree::grammar::Field;
use tree::{Description, Parser, Sidecar};

use crate::checker;
use crate::compile::Compiler;
use crate::explain::Explained;
use crate::parameters::{cast_parameters, name_parameters, settled_type};
use crate::rewrite::Rewriter;
use crate::view::View;
use crate::{dml, insert, write};

/// What a statement answers with when done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum CommandTag {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    CreateTable,
    CreateTableAs,
    DropTable,
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
    pub(crate) answer: Answer,
    /// The rules that met in it.
    pub(crate) rules: Vec<Explained>,
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

    /// The rules that met in it, with what they filter and mask: for administrators and the audit.
    pub fn rules(&self) -> &[Explained] {
        &self.rules
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
            time_zone,
            deadline,
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
        Statement::Describe(query) => context.describe(query)?,
        Statement::CreateTable(create) => write::create_table(&context, create)?,
        Statement::Insert(insert) => insert::insert(&context, insert)?,
        Statement::Update(update) => dml::update(&context, update)?,
        Statement::Delete(delete) => dml::delete(&context, delete)?,
        Statement::Truncate(name) => dml::truncate(&context, name)?,
        Statement::DropTable(drop) => write::drop_table(&context, drop)?,
    };
    let target = match &authorised.kind {
        ExecKind::Write { target, .. } => Some(target),
        ExecKind::Query => None,
    };
    let read = &authorised.expected.relations;
    let target = target.filter(|target| !read.contains(*target));
    let relations = read.iter().chain(target);
    authorised.rules = relations.flat_map(|name| view.rules_on(name)).collect();
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
    pub(crate) description: Description,
    pub(crate) governed: bool,
}

impl Context<'_> {
    fn query(&self, query: &Query) -> Result<Authorised> {
        let done = self.finish(query, &|text| Ok(text.to_owned()))?;
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
            answer: Answer::Worker,
            rules: vec![],
        })
    }

    /// Steps 3 to 15 for one query. `wrap` makes the statement that the sidecar binds of the query's
    /// text: the query itself, or an INSERT of it.
    pub(crate) fn finish(
        &self,
        query: &Query,
        wrap: &dyn Fn(&str) -> Result<String>,
    ) -> Result<Final> {
        let mut rewritten = query.tree.clone();
        let governed = Rewriter::new(self.view, self.parser).rewrite(&mut rewritten)?;
        let first = self.sidecar.describe(&wrap(&query.text)?)?;
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
        let (sql, expected) = self.seal_text(&mut rewritten)?;
        Ok(Final {
            sql,
            expected,
            description,
            governed,
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

    fn cast(&self, tree: &mut Value, types: &[SqlType], open: &[bool]) -> Result<()> {
        let compiler = Compiler {
            parser: self.parser,
            sidecar: self.sidecar,
            principal: self.view.principal(),
        };
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

    /// Steps 13 and 15: the text that runs, read back and checked twice.
    pub(crate) fn seal_text(&self, tree: &mut Value) -> Result<(Arc<str>, Arc<Expected>)> {
        let (sql, read_back) = self.read_back(tree)?;
        let expected = checker::check(&read_back, self.view)?;
        Ok((sql, Arc::new(expected)))
    }

    /// The same for the query whose rows a statement is to change; see [`checker::check_source`].
    pub(crate) fn seal_source(
        &self,
        tree: &mut Value,
        source: &Value,
    ) -> Result<(Arc<str>, Arc<Expected>)> {
        let (sql, read_back) = self.read_back(tree)?;
        let expected = checker::check_source(&read_back, self.view, source)?;
        Ok((sql, Arc::new(expected)))
    }

    fn read_back(&self, tree: &mut Value) -> Result<(Arc<str>, Value)> {
        tree::normalize(tree)?;
        let sql = self.parser.print(tree)?;
        let unfaithful = |e: Error| {
            Error::not_supported("this form of SQL")
                .with_cause(format!("it does not survive printing: {e:?}"))
        };
        let read_back = self.parser.parse(&sql).map_err(unfaithful)?;
        tree::check(&read_back).map_err(unfaithful)?;
        let read_back = tree::canonical(&read_back);
        let mut written = tree::canonical(tree);
        // The parameters stand in the tree; the list of them is in no order.
        written["named_param_map"] = read_back["named_param_map"].clone();
        if read_back != written {
            return Err(unfaithful(Error::internal("another tree was read back")));
        }
        Ok((sql.into(), read_back))
    }

    /// DESCRIBE asks about columns only: the sidecar has the whole answer.
    fn describe(&self, query: &Query) -> Result<Authorised> {
        let mut inner = query.tree.clone();
        Rewriter::new(self.view, self.parser).rewrite(&mut inner)?;
        let rows = self.sidecar.evaluate(&query.text)?;
        let names = rows.columns().to_vec();
        let columns: Vec<ArrayRef> = (0..names.len())
            .map(|i| {
                let values = rows
                    .rows()
                    .iter()
                    .map(|row| row.get(i).and_then(Option::as_deref));
                Arc::new(values.collect::<StringArray>()) as ArrayRef
            })
            .collect();
        let fields: Vec<ArrowField> = names
            .iter()
            .map(|n| ArrowField::new(n, DataType::Utf8, true))
            .collect();
        let arrow = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&arrow), columns).map_err(Error::internal)?;
        let columns = names
            .iter()
            .map(|n| ResultColumn {
                name: n.clone(),
                sql_type: SqlType::Varchar,
            })
            .collect();
        let schema = Arc::new(ResultSchema { columns, arrow });
        Ok(Authorised {
            principal: Arc::clone(self.view.principal()),
            kind: ExecKind::Query,
            tag: CommandTag::Select,
            sql: query.text.as_str().into(),
            query: None,
            on_conflict: None,
            returning: None,
            expected: Arc::default(),
            description: Description {
                parameters: vec![],
                schema: Some(Arc::clone(&schema)),
                names,
            },
            governed: false,
            answer: Answer::Rows(schema, batch),
            rules: vec![],
        })
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
