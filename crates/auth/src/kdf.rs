//! Key derivation for Basic logins. It takes milliseconds of CPU by design, so it has threads of
//! its own, a bounded queue, and a short memory of what it found.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use runtime::{CancellationToken, Clock, Tasks};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::crypto::{Hash, hmac_sha256, random};

/// How passwords that come in the clear, in Basic logins, are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConfig {
    /// Threads that derive keys.
    pub threads: NonZeroUsize,
    /// Logins that wait for a thread at most; further ones are refused.
    pub queue: NonZeroUsize,
    /// For so long, a password that was right is not derived again. At once when the directory is
    /// replaced.
    pub remember: Duration,
    /// Passwords remembered at most, as keyed hashes.
    pub remembered: NonZeroUsize,
}

impl Default for BasicConfig {
    /// Two threads, 64 waiting, remembered for a minute, 4,096 of them.
    fn default() -> Self {
        let count = |n| NonZeroUsize::new(n).expect("not zero");
        Self {
            threads: count(2),
            queue: count(64),
            remember: Duration::from_secs(60),
            remembered: count(4096),
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A bounded pool of threads for what costs CPU by design.
pub(crate) struct Pool {
    jobs: mpsc::Sender<Job>,
    stop: CancellationToken,
}

impl Pool {
    /// Starts the threads; they end with `tasks`. Must be called inside a tokio runtime.
    pub(crate) fn start(config: &BasicConfig, tasks: &Tasks) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>(config.queue.get());
        let queue = Arc::new(Mutex::new(queue));
        let stop = tasks.shutdown_token();
        for number in 0..config.threads.get() {
            let (queue, stop) = (Arc::clone(&queue), stop.clone());
            let handle = Handle::current();
            tasks
                .thread(format!("auth-kdf-{number}"), 1 << 20, move || {
                    work(&handle, &queue, &stop);
                })
                .map_err(Error::internal)?;
        }
        Ok(Self { jobs, stop })
    }

    /// Runs `job` on a thread of the pool.
    ///
    /// # Errors
    /// The queue is full, or the pool has ended.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits for it any more: the client has gone.
            if !sender.is_closed() {
                let _ = sender.send(job());
            }
        });
        let stopping = || Error::new(ErrorKind::Shutdown, "the server is stopping");
        self.jobs.try_send(job).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::new(
                ErrorKind::TooManyConnections,
                "too many logins are in progress",
            ),
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })?;
        tokio::select! {
            answer = answer => answer.map_err(|_| stopping()),
            () = self.stop.cancelled() => Err(stopping()),
        }
    }
}

fn work(handle: &Handle, queue: &Mutex<mpsc::Receiver<Job>>, stop: &CancellationToken) {
    loop {
        // One thread waits at the queue, the others for their turn to.
        let job = {
            let mut queue = queue.lock();
            handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    job = queue.recv() => job,
                }
            })
        };
        match job {
            Some(job) => job(),
            None => return,
        }
    }
}

/// Passwords that were found to be right a moment ago, as hashes under a key of this process.
pub(crate) struct Remembered {
    key: Hash,
    remember: Duration,
    clock: Clock,
    until: Mutex<LruCache<Hash, Instant>>,
}

impl Remembered {
    pub(crate) fn new(config: &BasicConfig, clock: Clock) -> Result<Self> {
        Ok(Self {
            key: random()?,
            remember: config.remember,
            clock,
            until: Mutex::new(LruCache::new(config.remembered)),
        })
    }

    /// What stands for this password of this name, in one version of the directory.
    pub(crate) fn key(&self, generation: u64, name: &str, password: &str) -> Hash {
        let length = (name.len() as u64).to_be_bytes();
        let parts: [&[u8]; 4] = [
            &generation.to_be_bytes(),
            &length,
            name.as_bytes(),
            password.as_bytes(),
        ];
        hmac_sha256(&self.key, &parts)
    }

    pub(crate) fn contains(&self, key: &Hash) -> bool {
        let now = self.clock.now();
        self.until.lock().get(key).is_some_and(|until| now < *until)
    }

    pub(crate) fn insert(&self, key: Hash) {
        let until = self.clock.now() + self.remember;
        self.until.lock().put(key, until);
    }

    pub(crate) fn clear(&self) {
        self.until.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn config() -> BasicConfig {
        BasicConfig {
            threads: NonZeroUsize::new(1).unwrap(),
            queue: NonZeroUsize::new(1).unwrap(),
            ..BasicConfig::default()
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_shutdown_ends_waiting() {
        let tasks = Tasks::new("test");
        let pool = Arc::new(Pool::start(&config(), &tasks).unwrap());
        let (started, mut has_started) = mpsc::channel(1);
        let (release, wait) = std::sync::mpsc::channel::<()>();

        let first = tasks.spawn("first", {
            let pool = Arc::clone(&pool);
            async move {
                pool.run(move || {
                    started.blocking_send(()).unwrap();
                    wait.recv().unwrap_err();
                })
                .await
            }
        });
        has_started.recv().await.unwrap();
        let mut second = Box::pin(pool.run(|| ()));
        // Polled once: it is in the queue now.
        assert!(futures_poll(&mut second).await.is_none());
        let refused = pool.run(|| ()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooManyConnections);

        tasks.shutdown();
        assert_eq!(second.await.unwrap_err().kind(), ErrorKind::Shutdown);
        drop(release);
        assert!(first.join().await.is_ok());
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
    }

    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
                std::task::Poll::Ready(value) => Some(value),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[test]
    fn a_password_is_remembered_for_a_while() {
        let (clock, hand) = Clock::manual();
        let remembered = Remembered::new(&config(), clock).unwrap();
        let key = remembered.key(1, "jfk", "secret");
        assert!(!remembered.contains(&key));
        remembered.insert(key);
        hand.advance(Duration::from_secs(59));
        assert!(remembered.contains(&key));
        hand.advance(Duration::from_secs(1));
        assert!(!remembered.contains(&key));
        remembered.insert(key);
        remembered.clear();
        assert!(!remembered.contains(&key));
    }

    #[test]
    fn keys_differ_in_every_part() {
        let remembered = Remembered::new(&config(), Clock::system()).unwrap();
        let key = remembered.key(1, "jfk", "secret");
        assert_ne!(key, remembered.key(2, "jfk", "secret"));
        assert_ne!(key, remembered.key(1, "jfks", "ecret"));
        assert_ne!(key, remembered.key(1, "jfk", "Secret"));
        let other = Remembered::new(&config(), Clock::system()).unwrap();
        assert_ne!(key, other.key(1, "jfk", "secret"));
    }
}
