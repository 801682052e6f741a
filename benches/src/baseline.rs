//! The baseline for large results: a process with DuckDB embedded and arrow-flight's own server
//! and encoder, nothing of Eider between them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use arrow_select::concat::concat_batches;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::Result;
use crate::embedded::{Embedded, drain};
use crate::fixture::Fixture;
use crate::process::Process;

/// Makes this program the baseline's process.
pub(crate) const ARGUMENT: &str = "baseline-server";

/// The result that is measured: 6 million rows at scale 1, all 16 columns.
pub(crate) const LARGE: &str = "select * from lineitem";

/// Batches between DuckDB and the encoder, as in Eider's executor.
const CHANNEL_BATCHES: usize = duck::CHANNEL_BATCHES;

/// What the baseline can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Run [`LARGE`] and make its Arrow batches, as DuckDB hands them out, and send nothing.
    Make,
    /// Send the batches from memory. The first time it makes them, in the size that Eider sends.
    Send,
    /// Run [`LARGE`] and send each batch as it is made.
    Stream,
}

impl Work {
    pub(crate) fn ticket(self) -> Ticket {
        Ticket::new(match self {
            Self::Make => "make",
            Self::Send => "send",
            Self::Stream => "stream",
        })
    }

    fn of(ticket: &Ticket) -> Option<Self> {
        let all = [Self::Make, Self::Send, Self::Stream];
        all.into_iter().find(|work| work.ticket() == *ticket)
    }
}

/// The baseline's process.
pub(crate) struct Baseline {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Baseline {
    pub(crate) fn start(fixture: &Fixture) -> Result<Self> {
        let mut process = Process::start(
            Command::new(std::env::current_exe()?)
                .arg(ARGUMENT)
                .arg(&fixture.database)
                .arg(fixture.threads.to_string())
                // Its end tells the process that nobody needs it any more.
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let output = process.0.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|_| "the baseline's server did not start")?;
        Ok(Self { process, address })
    }
}

/// Serves the baseline until standard input ends.
pub(crate) fn serve(database: &Path, threads: &str) -> Result<()> {
    let service = Service {
        embedded: Arc::new(Embedded::open(database, threads.parse()?)?),
        batches: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let _runtime = runtime.enter();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder()
        .add_service(FlightServiceServer::new(service))
        .serve_with_incoming(incoming);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Whatever ends it.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let _ = stop.send(());
        });
        runtime.block_on(async {
            tokio::select! {
                served = server => served.map_err(Into::into),
                _ = stopped => Ok(()),
            }
        })
    })
}

#[derive(Clone)]
struct Service {
    embedded: Arc<Embedded>,
    batches: Arc<OnceLock<Vec<RecordBatch>>>,
}

impl Service {
    fn make(&self) -> Result<usize> {
        drain(&self.embedded.connect()?.prepare(LARGE)?)
    }

    /// The batches of [`LARGE`], joined as Eider's executor does.
    fn load(&self) -> Result<Vec<RecordBatch>> {
        let connection = self.embedded.connect()?;
        let mut stream = connection.prepare(LARGE)?.execute_streaming()?;
        let schema = stream.schema()?;
        let (mut joined, mut chunks, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(chunk) = stream.next_batch()? {
            bytes += chunk.get_array_memory_size();
            chunks.push(chunk);
            if bytes >= duck::BATCH_BYTES {
                joined.push(concat_batches(&schema, &std::mem::take(&mut chunks))?);
                bytes = 0;
            }
        }
        joined.push(concat_batches(&schema, &chunks)?);
        Ok(joined)
    }

    fn send(&self) -> Result<Batches> {
        if self.batches.get().is_none() {
            // Of two who load at once, both have loaded the same.
            let _ = self.batches.set(self.load()?);
        }
        // References to the batches, not copies.
        let all: Vec<_> = self
            .batches
            .get()
            .into_iter()
            .flatten()
            .cloned()
            .map(Ok)
            .collect();
        Ok(futures::stream::iter(all).boxed())
    }

    fn stream(&self, batches: mpsc::Sender<Result<RecordBatch, FlightError>>) -> Result<()> {
        let connection = self.embedded.connect()?;
        let mut stream = connection.prepare(LARGE)?.execute_streaming()?;
        while let Some(batch) = stream.next_batch()? {
            if batches.blocking_send(Ok(batch)).is_err() {
                // The client has gone.
                break;
            }
        }
        Ok(())
    }

    async fn answer(&self, work: Work) -> Result<Batches> {
        let this = self.clone();
        match work {
            Work::Make => {
                blocking(move || this.make()).await?;
                Ok(futures::stream::empty().boxed())
            }
            Work::Send => blocking(move || this.send()).await,
            Work::Stream => {
                let (sender, mut receiver) = mpsc::channel(CHANNEL_BATCHES);
                drop(tokio::task::spawn_blocking(move || {
                    let failed = sender.clone();
                    if let Err(error) = this.stream(sender) {
                        let _ = failed.blocking_send(Err(FlightError::ExternalError(error)));
                    }
                }));
                Ok(futures::stream::poll_fn(move |context| receiver.poll_recv(context)).boxed())
            }
        }
    }
}

type Batches = BoxStream<'static, Result<RecordBatch, FlightError>>;

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let work = Work::of(request.get_ref()).ok_or(Status::not_found("no such work"))?;
        let batches = self.answer(work).await;
        let batches = batches.map_err(|e| Status::internal(e.to_string()))?;
        let messages = FlightDataEncoderBuilder::new().build(batches);
        Ok(Response::new(messages.map_err(Status::from).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        Err(only_do_get())
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        Err(only_do_get())
    }

    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        Err(only_do_get())
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        Err(only_do_get())
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        Err(only_do_get())
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        Err(only_do_get())
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        Err(only_do_get())
    }

    async fn do_action(&self, _: Request<Action>) -> Answer<Self::DoActionStream> {
        Err(only_do_get())
    }

    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        Err(only_do_get())
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn only_do_get() -> Status {
    Status::unimplemented("the baseline has DoGet only")
}
