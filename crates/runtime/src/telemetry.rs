//! Logs: `tracing` events as JSON or text on standard error.

use std::io;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Tasks;
use crate::log_writer::{self, LogThread};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// What is logged and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    format: LogFormat,
    filter: String,
}

/// Logging can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("log filter {filter:?} is not valid: {reason}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The format is neither `json` nor `text`.
    #[error("log format {0:?} is not known: expected \"json\" or \"text\"")]
    Format(String),
    /// Another subscriber was installed before.
    #[error("logging is set up already")]
    Installed,
    /// The writing thread does not start.
    #[error("log thread does not start")]
    Thread(#[source] io::Error),
}

/// Keeps logging alive. Dropping it writes what waits, in bounded time; later events are lost.
#[derive(Debug)]
#[must_use = "logging stops when this is dropped"]
pub struct LogGuard(LogThread);

impl LogConfig {
    /// Checks a filter: a level (`info`), or directives (`info,gateway=debug`).
    ///
    /// # Errors
    /// The filter does not parse.
    pub fn new(format: LogFormat, filter: impl Into<String>) -> Result<Self, LogError> {
        let config = Self {
            format,
            filter: filter.into(),
        };
        config.env_filter()?;
        Ok(config)
    }

    fn env_filter(&self) -> Result<EnvFilter, LogError> {
        EnvFilter::builder()
            .parse(&self.filter)
            .map_err(|e| LogError::Filter {
                filter: self.filter.clone(),
                reason: e.to_string(),
            })
    }
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(LogError::Format(other.to_owned())),
        }
    }
}

/// Sends the events of this process to standard error from now on, panics included. Once per
/// process. Keep the guard until the end of `main`.
///
/// # Errors
/// Logging is set up already, or its thread does not start.
pub fn init(config: &LogConfig) -> Result<LogGuard, LogError> {
    // A group of its own: it outlives every stage of shutdown.
    let tasks = Tasks::new("telemetry");
    let (writer, thread) = log_writer::start(&tasks, io::stderr()).map_err(LogError::Thread)?;
    subscriber(config, writer)?
        .try_init()
        .map_err(|_| LogError::Installed)?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(location, message, "panic");
    }));
    Ok(LogGuard(thread))
}

fn subscriber<W>(
    config: &LogConfig,
    writer: W,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.env_filter()?)
        .with_writer(writer);
    Ok(match config.format {
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
        LogFormat::Text => Box::new(builder.with_ansi(false).finish()),
    })
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.finish();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let sink = Sink::default();
        let config = LogConfig::new(format, filter).unwrap();
        let (writer, thread) = log_writer::start(&Tasks::new("test"), sink.clone()).unwrap();
        let subscriber = subscriber(&config, writer).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(statement = "s-1", "finished");
            tracing::debug!("detail");
        });
        thread.finish();
        let text = sink.0.lock().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn json_lines_carry_fields() {
        let text = logged(LogFormat::Json, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#""message":"finished""#), "{text}");
        assert!(text.contains(r#""statement":"s-1""#), "{text}");
    }

    #[test]
    fn the_filter_decides() {
        assert_eq!(logged(LogFormat::Text, "debug").lines().count(), 2);
        assert_eq!(logged(LogFormat::Text, "off"), "");
    }

    #[test]
    fn a_bad_filter_is_named() {
        let error = LogConfig::new(LogFormat::Json, "auth=loud").unwrap_err();
        assert!(error.to_string().contains("auth=loud"), "{error}");
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
