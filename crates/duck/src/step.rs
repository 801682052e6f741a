//! The threads that call DuckDB.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model::{Error, Result};
use parking_lot::{Condvar, Mutex};
use runtime::Tasks;

/// Something to do on a step thread. It may block as long as DuckDB does.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A fixed pool of threads and their queue. The queue's length is bounded by the connections, as
/// each has at most one job.
pub(crate) struct StepPool {
    shared: Arc<Shared>,
    tasks: Tasks,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads without a job. The last to come is the first to be woken: its stack and its share
    /// of the allocator are still in the processor's caches, which halves the time of planning.
    idle: Vec<Arc<Condvar>>,
    closed: bool,
}

thread_local! {
    /// Whether another thread was started in the place of this one.
    static REPLACED: Cell<bool> = const { Cell::new(false) };
}

/// Ends this thread after its job, as another was started in its place.
pub(crate) fn end_this_thread() {
    REPLACED.set(true);
}

impl StepPool {
    pub(crate) fn start(tasks: &Tasks, threads: usize) -> Result<Self> {
        let pool = Self {
            shared: Arc::default(),
            tasks: tasks.clone(),
        };
        for _ in 0..threads {
            pool.add_thread()?;
        }
        Ok(pool)
    }

    /// Queues a job. After [`Self::close`] it is dropped.
    pub(crate) fn submit(&self, job: Job) {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            drop(queue);
            drop(job);
            return;
        }
        queue.jobs.push_back(job);
        let woken = queue.idle.pop();
        drop(queue);
        if let Some(thread) = woken {
            thread.notify_one();
        }
    }

    /// Whether other jobs wait for a thread.
    pub(crate) fn is_busy(&self) -> bool {
        !self.shared.queue.lock().jobs.is_empty()
    }

    /// Starts a thread in the place of one that does not come back from DuckDB; see
    /// [`end_this_thread`]. Says whether it did.
    pub(crate) fn replace_one(&self) -> bool {
        let added = self.add_thread();
        if let Err(error) = &added {
            tracing::error!(?error, "no step thread in place of an abandoned one");
        }
        added.is_ok()
    }

    /// Lets the threads end once the queue is empty.
    pub(crate) fn close(&self) {
        let mut queue = self.shared.queue.lock();
        queue.closed = true;
        for thread in queue.idle.drain(..) {
            thread.notify_one();
        }
    }

    fn add_thread(&self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        // DuckDB binds recursively on the calling thread, and trees nest deeply.
        self.tasks
            .thread("step", tree::STACK_BYTES, move || {
                yield_to_others();
                shared.work();
            })
            .map(|_| ())
            .map_err(Error::internal)
    }
}

/// Lowers this thread's priority: queries take all the cores they get, and the threads that answer
/// clients, a cancel above all, must not wait behind them.
pub(crate) fn yield_to_others() {
    const NICENESS: i32 = 5;
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), NICENESS) {
        tracing::debug!(%error, "a thread that queries keeps its priority");
    }
}

impl Drop for StepPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn work(&self) {
        let thread = Arc::default();
        while let Some(job) = self.next(&thread) {
            // A defect in one statement must not take a thread from the others. What the job held
            // has been dropped: its connection is closed, its client's channel too.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a step panicked");
            }
            if REPLACED.get() {
                return;
            }
        }
    }

    fn next(&self, thread: &Arc<Condvar>) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue.idle.push(Arc::clone(thread));
            // Whoever wakes it has taken it off the list.
            thread.wait(&mut queue);
        }
    }
}
