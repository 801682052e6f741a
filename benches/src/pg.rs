//! A client of the PostgreSQL door: tokio-postgres, binary format, no TLS.

use std::net::SocketAddr;
use std::pin::pin;

use futures::TryStreamExt;
use runtime::Tasks;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::Result;
use crate::configuration::{CATALOG, PRINCIPAL};

/// A connection whose messages a task of this runtime carries.
pub(crate) struct Pg(Client);

impl Pg {
    pub(crate) async fn connect(
        address: SocketAddr,
        password: &str,
        tasks: &Tasks,
    ) -> Result<Self> {
        let mut config = Config::new();
        config
            .host(address.ip().to_string())
            .port(address.port())
            .user(PRINCIPAL)
            .password(password)
            .dbname(CATALOG);
        let (client, connection) = config.connect(NoTls).await?;
        tasks.spawn("pg connection", async move {
            // A lost connection fails the client's next call, and dropping the client ends it.
            let _ = connection.await;
        });
        Ok(Self(client))
    }

    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement> {
        Ok(self.0.prepare(sql).await?)
    }

    /// Runs a text as a driver does that is handed one: prepared, executed, read to its end.
    /// Returns the number of rows.
    pub(crate) async fn query(&self, sql: &str) -> Result<usize> {
        let statement = self.0.prepare(sql).await?;
        self.drain(&statement).await
    }

    async fn drain(&self, statement: &Statement) -> Result<usize> {
        let no_parameters: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = pin!(self.0.query_raw(statement, no_parameters).await?);
        let mut count = 0;
        while rows.try_next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Runs a prepared statement with its key, if it takes one, and returns the number of rows.
    pub(crate) async fn run_prepared(
        &self,
        statement: &Statement,
        key: Option<i64>,
    ) -> Result<usize> {
        let rows = match &key {
            Some(key) => self.0.query(statement, &[key]).await?,
            None => self.0.query(statement, &[]).await?,
        };
        Ok(rows.len())
    }
}
