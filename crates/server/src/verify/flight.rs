//! A client of the Flight SQL door.

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_flight::FlightInfo;
use arrow_flight::error::FlightError;
use arrow_flight::sql::CommandGetTables;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_schema::ArrowError;
use futures::TryStreamExt;
use gateway::Form;
use model::{Error, ErrorKind, Result};
use tonic::transport::{Channel, Endpoint};

use super::forms::{Answer, Row, rejected, unreachable};
use super::instants::by_offset;

/// A session.
pub(super) struct Client(FlightSqlServiceClient<Channel>);

impl Client {
    /// Connects and logs in.
    pub(super) async fn connect(address: &str, user: &str, password: &str) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|e| unreachable(address, &e))?;
        let channel = endpoint.connect().await;
        let channel = channel.map_err(|e| unreachable(address, &e))?;
        let mut client = FlightSqlServiceClient::new(channel);
        let shaken = client.handshake(user, password).await;
        shaken.map_err(|e| rejected(address, user, &e))?;
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
        match answered {
            Ok(answer) => Ok(answer),
            Err(Stop::Refused(reason)) => Ok(Answer::Refused(reason)),
            Err(Stop::Failed(error)) => Err(Error::internal(error)),
        }
    }

    /// Runs a query and gives each batch of rows to `each`.
    ///
    /// # Errors
    /// What the server says in place of rows, or `each`.
    pub(super) async fn stream(
        &mut self,
        sql: &str,
        each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let info = self.0.execute(sql.to_owned(), None).await;
        let info = info.map_err(|error| refused(&error))?;
        self.batches(&info, each).await
    }

    /// The same of a list of relations.
    pub(super) async fn tables(
        &mut self,
        command: CommandGetTables,
        each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let info = self.0.get_tables(command).await;
        let info = info.map_err(|error| refused(&error))?;
        self.batches(&info, each).await
    }

    async fn batches(
        &mut self,
        info: &FlightInfo,
        mut each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        for endpoint in &info.endpoint {
            let Some(ticket) = endpoint.ticket.clone() else {
                continue;
            };
            let stream = self.0.do_get(ticket).await;
            let mut stream = stream.map_err(|error| refused(&error))?;
            while let Some(batch) = stream.try_next().await.map_err(|error| refused(&error))? {
                each(&batch)?;
            }
        }
        Ok(())
    }

    async fn prepared(&mut self, sql: &str) -> std::result::Result<Answer, Stop> {
        let mut statement = self.0.prepare(sql.to_owned(), None).await?;
        let info = statement.execute().await?;
        let answer = self.rows(&info).await;
        statement.close().await?;
        answer
    }

    async fn rows(&mut self, info: &FlightInfo) -> std::result::Result<Answer, Stop> {
        let mut rows: Vec<Row> = vec![];
        let mut columns = vec![];
        for endpoint in &info.endpoint {
            let Some(ticket) = endpoint.ticket.clone() else {
                continue;
            };
            let mut stream = self.0.do_get(ticket).await?;
            while let Some(batch) = stream.try_next().await? {
                let options = FormatOptions::default();
                let columns = batch.columns().iter().map(by_offset);
                let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
                let formatters = columns
                    .iter()
                    .map(|c| ArrayFormatter::try_new(c.as_ref(), &options));
                let formatters: Vec<_> = formatters.collect::<std::result::Result<_, _>>()?;
                for row in 0..batch.num_rows() {
                    let cells = columns.iter().zip(&formatters);
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

fn refused(error: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::Config, error.to_string())
}

/// Why there are no rows.
enum Stop {
    /// The server says so.
    Refused(String),
    /// They can't be printed, and so not be compared.
    Failed(ArrowError),
}

impl From<FlightError> for Stop {
    fn from(error: FlightError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Self::Failed(error)
    }
}
