//! A file of lines that is rotated by size, written by a thread of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use std::{fmt, mem};

use tokio::sync::oneshot;

use crate::Tasks;

/// Lines that wait to be written.
const QUEUE: usize = 8192;

/// How often a thread without lines looks whether its tasks are to end.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// Writing needs little.
const STACK_BYTES: usize = 256 << 10;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// The file. Older ones get `.1`, `.2`, … after its name.
    pub path: PathBuf,
    /// The size in bytes from which on a new file is begun.
    pub file_bytes: u64,
    /// Older files kept.
    pub files: usize,
}

/// The way to the file. Cheap to clone.
#[derive(Clone)]
pub struct Journal(SyncSender<Line>);

struct Line {
    text: String,
    written: Option<oneshot::Sender<io::Result<()>>>,
}

impl Journal {
    /// Opens the file for appending, and starts its thread as a member of `tasks`.
    ///
    /// # Errors
    /// The file can't be opened, or the system refuses a thread.
    pub fn open(config: JournalConfig, tasks: &Tasks) -> io::Result<Self> {
        let (sender, lines) = sync_channel(QUEUE);
        let mut pages = Pages::open(config)?;
        let stop = tasks.shutdown_token();
        tasks.thread("journal", STACK_BYTES, move || {
            pages.write_all(&lines, &|| stop.is_cancelled());
        })?;
        Ok(Self(sender))
    }

    /// Queues a line, without its end. Says whether there was room for it; whether it is written is
    /// for the log and the metrics to tell.
    #[must_use]
    pub fn write(&self, text: String) -> bool {
        self.send(text, None).is_ok()
    }

    /// Queues a line and waits until the file has it.
    ///
    /// # Errors
    /// The line is not in the file.
    pub async fn write_through(&self, text: String) -> io::Result<()> {
        let (written, outcome) = oneshot::channel();
        self.send(text, Some(written))?;
        outcome
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn send(
        &self,
        text: String,
        written: Option<oneshot::Sender<io::Result<()>>>,
    ) -> io::Result<()> {
        self.0.try_send(Line { text, written }).map_err(|e| {
            metrics::counter!("eider_audit_lost_total").increment(1);
            match e {
                TrySendError::Full(_) => io::ErrorKind::WouldBlock.into(),
                TrySendError::Disconnected(_) => io::ErrorKind::BrokenPipe.into(),
            }
        })
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

/// The file that is written now.
struct Pages {
    config: JournalConfig,
    file: File,
    bytes: u64,
    /// Whether the last line may have been written in part.
    torn: bool,
}

impl Pages {
    fn open(config: JournalConfig) -> io::Result<Self> {
        let file = append_to(&config.path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            config,
            file,
            bytes,
            torn: false,
        })
    }

    /// Writes until nobody can send any more, or nothing is left at the end of all.
    fn write_all(&mut self, lines: &Receiver<Line>, is_over: &dyn Fn() -> bool) {
        loop {
            let mut line = match lines.recv_timeout(LOOK_AROUND) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if !is_over() => continue,
                Err(_) => return,
            };
            line.text.push('\n');
            let outcome = self.write(line.text.as_bytes());
            if let Err(error) = &outcome {
                metrics::counter!("eider_audit_lost_total").increment(1);
                tracing::error!(%error, path = %self.config.path.display(), "a record was not written");
            }
            if let Some(written) = line.written {
                // Whoever asked may have gone.
                let _ = written.send(outcome);
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.config.file_bytes {
            self.turn()?;
        }
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(line)?;
        self.torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Begins a new file, and drops the oldest.
    fn turn(&mut self) -> io::Result<()> {
        let older = |n: usize| {
            let mut name = self.config.path.clone().into_os_string();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        for n in (1..self.config.files).rev() {
            move_if_there(&older(n), &older(n + 1))?;
        }
        match self.config.files {
            0 => fs::remove_file(&self.config.path)?,
            _ => move_if_there(&self.config.path, &older(1))?,
        }
        drop(mem::replace(&mut self.file, append_to(&self.config.path)?));
        self.bytes = 0;
        self.torn = false;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // What it tells is for the operator alone.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[tokio::test]
    async fn lines_are_kept_in_order_over_a_bounded_number_of_files() {
        let folder = std::env::temp_dir().join(format!("eider-journal-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("audit.jsonl");
        let tasks = Tasks::new("test");
        let config = JournalConfig {
            path: path.clone(),
            file_bytes: 20,
            files: 2,
        };
        let journal = Journal::open(config, &tasks).unwrap();
        for n in 0..9 {
            journal.write_through(format!("line {n}")).await.unwrap();
        }
        drop(journal);
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("audit.jsonl"), "line 8\n");
        assert_eq!(read("audit.jsonl.1"), "line 6\nline 7\n");
        assert_eq!(read("audit.jsonl.2"), "line 4\nline 5\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_folder_is_no_file() {
        let config = JournalConfig {
            path: std::env::temp_dir(),
            file_bytes: 1,
            files: 1,
        };
        assert!(Journal::open(config, &Tasks::new("test")).is_err());
    }
}
