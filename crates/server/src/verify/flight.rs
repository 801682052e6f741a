//! A client of the Flight SQL door.

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_flight::FlightInfo;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use gateway::Form;
use model::{Error, Result};
use tonic::transport::{Channel, Endpoint};

use super::forms::{Answer, Row};

/// A session.
pub(super) struct Client(FlightSqlServiceClient<Channel>);

impl Client {
    /// Connects and logs in.
    pub(super) async fn connect(address: &str, user: &str, password: &str) -> Result<Self> {
        let endpoint =
            Endpoint::from_shared(format!("http://{address}")).map_err(Error::internal)?;
        let channel = endpoint.connect().await.map_err(Error::internal)?;
        let mut client = FlightSqlServiceClient::new(channel);
        client
            .handshake(user, password)
            .await
            .map_err(Error::internal)?;
        Ok(Self(client))
    }

    /// Runs a statement in one of this door's forms.
    pub(super) async fn ask(&mut self, sql: &str, form: Form) -> Result<Answer> {
        let answered = match form {
            Form::FlightPrepared => self.prepared(sql).await,
            _ => match self.0.execute(sql.to_owned(), None).await {
                Ok(info) => self.rows(&info).await,
                Err(error) => Err(error.into()),
            },
        };
        Ok(answered.unwrap_or_else(|refused| Answer::Refused(refused.0)))
    }

    async fn prepared(&mut self, sql: &str) -> std::result::Result<Answer, Refused> {
        let mut statement = self.0.prepare(sql.to_owned(), None).await?;
        let info = statement.execute().await?;
        let answer = self.rows(&info).await;
        statement.close().await?;
        answer
    }

    async fn rows(&mut self, info: &FlightInfo) -> std::result::Result<Answer, Refused> {
        let mut rows: Vec<Row> = vec![];
        let mut columns = vec![];
        for endpoint in &info.endpoint {
            let Some(ticket) = endpoint.ticket.clone() else {
                continue;
            };
            let mut stream = self.0.do_get(ticket).await?;
            while let Some(batch) = stream.try_next().await? {
                let options = FormatOptions::default();
                let formatters = batch
                    .columns()
                    .iter()
                    .map(|c| ArrayFormatter::try_new(c.as_ref(), &options));
                let formatters: Vec<_> = formatters.collect::<std::result::Result<_, _>>()?;
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().zip(&formatters);
                    let cells = cells.map(|(column, formatter)| {
                        let text = || formatter.value(row).try_to_string().map(String::into_bytes);
                        column.is_valid(row).then(text).transpose()
                    });
                    rows.push(cells.collect::<std::result::Result<_, _>>()?);
                }
            }
            if let Some(schema) = stream.schema() {
                let fields = schema.fields().iter();
                columns = fields
                    .map(|f| (f.name().clone(), f.data_type().to_string()))
                    .collect();
            }
        }
        Ok(Answer::Rows { columns, rows })
    }
}

/// What the server says in place of rows.
struct Refused(String);

impl From<arrow_flight::error::FlightError> for Refused {
    fn from(error: arrow_flight::error::FlightError) -> Self {
        Self(error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Refused {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self(error.to_string())
    }
}
