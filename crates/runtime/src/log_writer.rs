//! Log lines leave through a thread of their own: a reader that stalls must not stall the server.

use std::io::{self, Write};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel,
};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::Tasks;

/// Lines that wait to be written at most; further ones are dropped and counted.
const QUEUED_LINES: usize = 8192;

/// How long [`LogThread::finish`] waits for a reader that stalls.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Hands complete lines to the writing thread and never blocks.
#[derive(Clone, Debug)]
pub(crate) struct LogWriter(SyncSender<Vec<u8>>);

/// The writing thread. An empty line is the sign to end.
#[derive(Debug)]
pub(crate) struct LogThread {
    lines: SyncSender<Vec<u8>>,
    /// Disconnects when the thread has ended.
    ended: Receiver<()>,
}

/// Starts the thread that writes to `sink`.
pub(crate) fn start(
    tasks: &Tasks,
    sink: impl Write + Send + 'static,
) -> io::Result<(LogWriter, LogThread)> {
    let (lines, queue) = sync_channel(QUEUED_LINES);
    let (running, ended) = channel();
    tasks.thread("log", 256 << 10, move || {
        let _running = running;
        write_lines(&queue, sink);
    })?;
    Ok((LogWriter(lines.clone()), LogThread { lines, ended }))
}

fn write_lines(queue: &Receiver<Vec<u8>>, mut sink: impl Write) {
    for line in queue {
        if line.is_empty() {
            break;
        }
        // A log that fails can't report it, except by this count.
        if sink.write_all(&line).is_err() {
            count_lost();
        }
    }
    if sink.flush().is_err() {
        count_lost();
    }
}

fn count_lost() {
    metrics::counter!("eider_log_lines_lost_total").increment(1);
}

impl LogThread {
    /// Blocks until the lines handed over so far are written, in bounded time.
    pub(crate) fn finish(&self) {
        let deadline = Instant::now() + FINISH_WITHIN;
        while let Err(TrySendError::Full(_)) = self.lines.try_send(Vec::new()) {
            let ended = self.ended.recv_timeout(Duration::from_millis(10));
            if ended == Err(RecvTimeoutError::Disconnected) || Instant::now() > deadline {
                return;
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // Both outcomes are the end of it: the thread is done, or its reader stalls.
        let _ = self.ended.recv_timeout(left);
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            text: Vec::with_capacity(256),
            writer: self,
        }
    }
}

/// One event's text, sent as a whole when dropped.
pub(crate) struct Line<'a> {
    text: Vec<u8>,
    writer: &'a LogWriter,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() && self.writer.0.try_send(text).is_err() {
            count_lost();
        }
    }
}
