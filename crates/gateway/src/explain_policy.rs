//! EXPLAIN POLICY: what policy makes of a statement, for administrators.

use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use futures::stream;
use model::{Error, ErrorKind, Result, ResultSchema, ResultStream};

use crate::Session;
use crate::engine::unknown_principal;
use crate::plans::{PlanKey, Scope};
use crate::statement::Statement;

impl Session {
    /// Plans the text for a principal, runs nothing, and tells the rules that met in it.
    pub(crate) async fn explain_policy(
        &self,
        record: &Statement,
        principal: Option<&str>,
        text: &str,
        schema: &Arc<ResultSchema>,
    ) -> Result<ResultStream> {
        self.transaction.usable()?;
        let world = self.world();
        let asker = world.policy.principal(self.principal_name());
        let asker = asker.ok_or_else(unknown_principal)?;
        if !asker.admin {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                "EXPLAIN POLICY is for administrators",
            ));
        }
        let principal = match principal {
            None => asker,
            Some(name) => world.policy.principal(name).ok_or_else(|| {
                Error::new(
                    ErrorKind::UndefinedObject,
                    format!("principal \"{name}\" does not exist"),
                )
            })?,
        };
        let scope = Scope {
            principal,
            policy_version: world.policy.version(),
            catalog_version: world.catalog.version,
            default_catalog: self.database().into(),
        };
        let key = PlanKey {
            text: text.into(),
            declared: [].into(),
            scope,
        };
        let plans = Arc::clone(&self.engine.plans);
        let explain = move |parser: &tree::Parser| plans.explain(key, &world, parser);
        let lines = record.wait(self.engine.planner.run(explain)).await?;
        let column = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as _;
        let columns = vec![
            column(lines.iter().map(|l| l.what.to_owned()).collect()),
            column(lines.iter().map(|l| l.on.clone()).collect()),
            column(lines.iter().map(|l| l.says.clone()).collect()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema.arrow), columns);
        let batch = batch.map_err(Error::internal)?;
        Ok(ResultStream::new(
            Arc::clone(schema),
            stream::iter([Ok(batch)]),
        ))
    }
}
