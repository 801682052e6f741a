//! Tasks and threads that have a name and are joined.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A group of running tasks and threads with one cancellation token. Cheap to clone.
///
/// Groups form a tree: cancelling a group cancels those below it, and waiting for it waits for
/// them too. Tasks are asked to end, by the token, and not dropped: a dropped future does not stop
/// what it began elsewhere.
#[derive(Clone)]
pub struct Tasks(Arc<Group>);

struct Group {
    path: String,
    token: CancellationToken,
    parent: Option<Arc<Group>>,
    /// Running members, those of the groups below included.
    running: Mutex<BTreeMap<u64, Arc<str>>>,
    /// Told when the last of `running` has ended.
    idle: Notify,
}

/// A task that was spawned. Dropping the handle leaves the task running.
#[derive(Debug)]
pub struct TaskHandle<T>(JoinHandle<T>);

/// A thread that was started. Dropping the handle leaves the thread running.
#[derive(Debug)]
pub struct ThreadHandle<T>(std::thread::JoinHandle<T>);

/// A task or thread ended without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskFailed {
    /// It panicked; the panic has been logged.
    #[error("task panicked")]
    Panicked,
    /// It was aborted, or the runtime ended.
    #[error("task aborted")]
    Aborted,
}

impl Tasks {
    /// A group of its own.
    pub fn new(name: &str) -> Self {
        Self::group(name.to_owned(), CancellationToken::new(), None)
    }

    /// A group below this one.
    pub fn child(&self, name: &str) -> Self {
        let path = format!("{}/{name}", self.0.path);
        Self::group(path, self.0.token.child_token(), Some(Arc::clone(&self.0)))
    }

    fn group(path: String, token: CancellationToken, parent: Option<Arc<Group>>) -> Self {
        Self(Arc::new(Group {
            path,
            token,
            parent,
            running: Mutex::default(),
            idle: Notify::new(),
        }))
    }

    /// Runs a future as a task of this group. Must be called inside a tokio runtime.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let member = self.enter(&name.into());
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where tasks are spawned"
        )]
        TaskHandle(tokio::spawn(async move {
            let _member = member;
            future.await
        }))
    }

    /// Runs a function on a thread of its own, which is a member of this group. A thread cannot be
    /// aborted: it has to look at [`Tasks::shutdown_token`], or at what the owner closes.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn thread<F, T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        stack_bytes: usize,
        run: F,
    ) -> io::Result<ThreadHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = name.into();
        let member = self.enter(&name);
        let builder = std::thread::Builder::new()
            .name(name.into_owned())
            .stack_size(stack_bytes);
        let handle = builder.spawn(move || {
            let _member = member;
            run()
        })?;
        Ok(ThreadHandle(handle))
    }

    /// The token that asks the members of this group to end.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.0.token.clone()
    }

    /// Asks all members, and those of the groups below, to end. Returns at once.
    pub fn shutdown(&self) {
        self.0.token.cancel();
    }

    /// Waits until nothing of this group runs, at most for `within`. Returns the names of those
    /// that still run, ordered by age; nothing more is done to them.
    pub async fn wait(&self, within: Duration) -> Vec<String> {
        let all_ended = async {
            loop {
                let idle = self.0.idle.notified();
                if self.0.running.lock().is_empty() {
                    return;
                }
                idle.await;
            }
        };
        match tokio::time::timeout(within, all_ended).await {
            Ok(()) => Vec::new(),
            Err(_) => self.running(),
        }
    }

    /// The names of what runs now, ordered by age.
    pub fn running(&self) -> Vec<String> {
        let running = self.0.running.lock();
        running.values().map(|name| name.to_string()).collect()
    }

    fn enter(&self, name: &str) -> Member {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let member = Member {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            name: format!("{}/{name}", self.0.path).into(),
            group: Arc::clone(&self.0),
        };
        for group in self.0.upward() {
            let mut running = group.running.lock();
            running.insert(member.id, Arc::clone(&member.name));
        }
        member
    }
}

impl Group {
    /// This group and all above it.
    fn upward(&self) -> impl Iterator<Item = &Group> {
        std::iter::successors(Some(self), |group| group.parent.as_deref())
    }
}

/// Membership in a group, for as long as the task or thread runs.
struct Member {
    id: u64,
    name: Arc<str>,
    group: Arc<Group>,
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = &*self.name, "task panicked");
            metrics::counter!("eider_task_panics_total").increment(1);
        }
        for group in self.group.upward() {
            let mut running = group.running.lock();
            running.remove(&self.id);
            if running.is_empty() {
                group.idle.notify_waiters();
            }
        }
    }
}

impl<T> TaskHandle<T> {
    /// Waits for the task's value.
    ///
    /// # Errors
    /// The task panicked or was aborted.
    pub async fn join(self) -> Result<T, TaskFailed> {
        self.0.await.map_err(|e| match e.is_panic() {
            true => TaskFailed::Panicked,
            false => TaskFailed::Aborted,
        })
    }

    /// Drops the task's future at its next await. What it began elsewhere goes on.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> ThreadHandle<T> {
    /// Blocks until the thread has ended. Not for async code.
    ///
    /// # Errors
    /// The thread panicked.
    pub fn join(self) -> Result<T, TaskFailed> {
        self.0
            .join()
            .map_err(|_: Box<dyn Any + Send>| TaskFailed::Panicked)
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("path", &self.0.path)
            .field("running", &self.running())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn waiting_names_what_does_not_end() {
        let tasks = Tasks::new("server");
        let door = tasks.child("pg");
        let token = door.shutdown_token();
        let polite = door.spawn("session", async move { token.cancelled().await });
        let stubborn = tasks.spawn("stubborn", std::future::pending::<()>());

        assert_eq!(
            tasks.wait(SECOND).await,
            ["server/pg/session", "server/stubborn"]
        );
        tasks.shutdown();
        assert_eq!(tasks.wait(SECOND).await, ["server/stubborn"]);
        assert_eq!(door.wait(SECOND).await, [""; 0]);
        assert_eq!(polite.join().await, Ok(()));
        stubborn.abort();
        assert_eq!(stubborn.join().await, Err(TaskFailed::Aborted));
        assert_eq!(tasks.wait(SECOND).await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_ends_without_its_parent() {
        let tasks = Tasks::new("server");
        let (first, second) = (tasks.child("first"), tasks.child("second"));
        first.shutdown();
        assert!(first.shutdown_token().is_cancelled());
        assert!(!second.shutdown_token().is_cancelled());
        assert!(!tasks.shutdown_token().is_cancelled());
        tasks.shutdown();
        assert!(second.shutdown_token().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_the_task_only() {
        let tasks = Tasks::new("server");
        let handle = tasks.spawn("broken", async { panic!("on purpose") });
        assert_eq!(handle.join().await, Err(TaskFailed::Panicked));
        assert_eq!(tasks.wait(SECOND).await, [""; 0]);
    }

    #[tokio::test]
    async fn threads_have_names_and_stacks_and_are_waited_for() {
        let tasks = Tasks::new("server");
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let thread = tasks
            .thread("planner", 64 << 20, move || {
                // More than the default stack of 2 MiB.
                let mut frame = [0u8; 4 << 20];
                frame[0] = u8::from(wait.recv().is_err());
                let frame = std::hint::black_box(frame);
                let name = std::thread::current().name().map(str::to_owned);
                (frame[0], name)
            })
            .expect("a thread");
        assert_eq!(tasks.running(), ["server/planner"]);
        drop(release);
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
        assert_eq!(thread.join(), Ok((1, Some("planner".to_owned()))));
    }
}
