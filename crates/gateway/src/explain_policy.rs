//! EXPLAIN POLICY: what policy makes of a statement, for administrators.

use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use futures::stream;
use model::{Error, ErrorKind, Principal, Result, ResultSchema, ResultStream};
use policy::Explained;

use crate::engine::unknown_principal;
use crate::plans::{PlanKey, Scope, World};
use crate::statement::Statement;
use crate::{Engine, Session};

impl Engine {
    /// The rules that meet in a statement of a principal, and what becomes of it. Nothing is run. For
    /// administrators only.
    ///
    /// # Errors
    /// There is no such principal.
    pub async fn explain_policy(&self, principal: &str, text: &str) -> Result<Vec<Explained>> {
        let world = World {
            policy: self.policy(),
            catalog: self.executor.catalog(),
        };
        let principal = known(&world, principal)?;
        let database = self.config.default_catalog.clone();
        self.explain(world, principal, &database, text).await
    }

    async fn explain(
        &self,
        world: World,
        principal: Arc<Principal>,
        database: &str,
        text: &str,
    ) -> Result<Vec<Explained>> {
        let scope = Scope {
            principal,
            policy_version: world.policy.version(),
            catalog_version: world.catalog.version,
            default_catalog: database.into(),
        };
        let key = PlanKey {
            text: text.into(),
            declared: [].into(),
            scope,
        };
        let plans = Arc::clone(&self.plans);
        let explain = move |parser: &tree::Parser| plans.explain(key, &world, parser);
        self.planner.run(explain).await
    }
}

fn known(world: &World, name: &str) -> Result<Arc<Principal>> {
    world.policy.principal(name).ok_or_else(|| {
        Error::new(
            ErrorKind::UndefinedObject,
            format!("principal \"{name}\" does not exist"),
        )
    })
}

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
            Some(name) => known(&world, name)?,
        };
        let told = self.engine.explain(world, principal, self.database(), text);
        let lines = record.wait(told).await?;
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
