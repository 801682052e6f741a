//! Planner threads: a pool with large stacks, each with a parser of its own.

mod waiter;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};
use runtime::Tasks;
use tokio::sync::oneshot;
use tree::{Parser, STACK_BYTES};

use self::waiter::Waiter;

/// The pool. Threads end with the tasks they were started in.
pub(crate) struct Planner {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    length: usize,
    threads: usize,
    tasks: Tasks,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads whose jobs nobody waits for and that do not stop; another was started for each.
    abandoned: usize,
    /// Threads that are to end, as an abandoned one has come back.
    surplus: usize,
    closed: bool,
}

/// Does its work, or nothing if its waiter has gone.
type Job = Box<dyn FnOnce(&Parser) + Send>;

impl Planner {
    /// Starts `threads` threads; at most `queue_length` jobs wait for one.
    pub(crate) fn start(threads: usize, queue_length: usize, tasks: &Tasks) -> Result<Self> {
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            length: queue_length,
            threads,
            tasks: tasks.clone(),
        });
        for _ in 0..threads {
            queue.add_thread(Parser::open()?)?;
        }
        let (stop, stopped) = (tasks.shutdown_token(), Arc::clone(&queue));
        tasks.spawn("planner shutdown", async move {
            stop.cancelled().await;
            stopped.close();
        });
        Ok(Self { queue })
    }

    /// Runs `work` on one of the threads. Dropping the future before it has begun keeps it from
    /// being done, and afterwards interrupts what DuckDB does for it.
    ///
    /// # Errors
    /// `LimitExceeded` if too many wait; `Shutdown` if the threads have ended; what `work` returns.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Parser) -> Result<T> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let waiter = Waiter::new(&self.queue);
        let turn = waiter.turn();
        self.queue.push(Box::new(move |parser| {
            if let Some(made) = turn.take(|| work(parser)) {
                // The waiter may have gone in the meantime.
                let _ = answer.send(made);
            }
        }))?;
        // The sender is dropped without a word when the work panics, or the threads end.
        let lost = |_| match self.queue.state.lock().closed {
            true => shutting_down(),
            false => Error::internal("planning panicked"),
        };
        result.await.map_err(lost)?
    }
}

impl Drop for Planner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(shutting_down());
        }
        if state.jobs.len() >= self.length {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "too many statements are waiting to be planned: the queue holds {}",
                    self.length
                ),
            ));
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if state.surplus > 0 {
                state.surplus -= 1;
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Starts a thread in the place of one that does not stop, unless there are too many such. Says
    /// whether it did.
    fn abandon_one(self: &Arc<Self>) -> bool {
        {
            let mut state = self.state.lock();
            if state.closed || state.abandoned >= self.threads {
                return false;
            }
            state.abandoned += 1;
        }
        let added = Parser::open().and_then(|parser| self.add_thread(parser));
        if let Err(error) = &added {
            tracing::error!(%error, "no planner thread in place of an abandoned one");
            self.state.lock().abandoned -= 1;
        }
        added.is_ok()
    }

    /// An abandoned thread has come back.
    fn take_back_one(&self) {
        let mut state = self.state.lock();
        state.abandoned -= 1;
        state.surplus += 1;
        self.changed.notify_one();
    }

    fn add_thread(self: &Arc<Self>, parser: Parser) -> Result<()> {
        let queue = Arc::clone(self);
        self.tasks
            .thread("planner", STACK_BYTES, move || queue.work(parser))
            .map(|_| ())
            .map_err(Error::internal)
    }

    fn work(&self, mut parser: Parser) {
        while let Some(job) = self.next() {
            let done = catch_unwind(AssertUnwindSafe(|| job(&parser)));
            if done.is_err() {
                // The panic has been logged by the hook. What it left of the parser is in doubt.
                match Parser::open() {
                    Ok(fresh) => parser = fresh,
                    Err(error) => {
                        tracing::error!(%error, "planner thread ends: no new parser");
                        return;
                    }
                }
            }
        }
    }
}

fn shutting_down() -> Error {
    Error::new(ErrorKind::Shutdown, "the server is shutting down")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::sync::mpsc;
    use std::time::Duration;

    use futures::FutureExt;
    use model::CatalogSnapshot;
    use tree::Sidecar;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_waiter_that_left_is_skipped() {
        let tasks = Tasks::new("test");
        let planner = Planner::start(1, 1, &tasks).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let mut first = Box::pin(planner.run(move |_| {
            started.send(()).unwrap();
            let _ = held.recv();
            Ok(1)
        }));
        assert!(first.as_mut().now_or_never().is_none());
        running.await.unwrap();
        let (ran, not_run) = oneshot::channel();
        let mut second = Box::pin(planner.run(move |_| {
            let _ = ran.send(());
            Ok(2)
        }));
        assert!(second.as_mut().now_or_never().is_none());
        let third = planner.run(|_| Ok(3)).await.unwrap_err();
        assert_eq!(third.kind(), ErrorKind::LimitExceeded);
        drop(second);
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), 1);
        // Its place is free once the thread has come to it.
        assert!(not_run.await.is_err());
        assert_eq!(planner.run(|_| Ok(4)).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_waiter_that_leaves_interrupts_its_job() {
        let tasks = Tasks::new("test");
        let planner = Planner::start(1, 4, &tasks).unwrap();
        let nothing = CatalogSnapshot::default();
        let sidecar = Arc::new(Sidecar::build(&nothing, "memory").unwrap());
        let used = Arc::clone(&sidecar);
        let (started, running) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let mut endless = Box::pin(planner.run(move |_| {
            started.send(()).unwrap();
            let rows = used.evaluate("select max(hash(range)) from range(1000000000000)");
            ended.send(rows.unwrap_err().kind()).unwrap();
            Ok(())
        }));
        assert!(endless.as_mut().now_or_never().is_none());
        running.await.unwrap();
        drop(endless);
        assert_eq!(end.await.unwrap(), ErrorKind::QueryCanceled);
        let next = planner.run(move |parser| {
            parser.parse("select 1")?;
            sidecar.evaluate("select 1")
        });
        assert_eq!(next.await.unwrap().scalar().as_deref(), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn another_thread_takes_the_place_of_one_that_does_not_stop() {
        let tasks = Tasks::new("test");
        let planner = Planner::start(1, 4, &tasks).unwrap();
        for _ in 0..2 {
            let (release, held) = mpsc::channel::<()>();
            let (started, running) = oneshot::channel();
            let mut stuck = Box::pin(planner.run(move |_| {
                started.send(()).unwrap();
                let _ = held.recv();
                Ok(())
            }));
            assert!(stuck.as_mut().now_or_never().is_none());
            running.await.unwrap();
            drop(stuck);
            assert_eq!(planner.run(|_| Ok(1)).await.unwrap(), 1);
            assert_eq!(planner.queue.state.lock().abandoned, 1);
            release.send(()).unwrap();
            while tasks.running().len() > 2 {
                tokio::task::yield_now().await;
            }
            assert_eq!(planner.queue.state.lock().abandoned, 0);
        }
        assert_eq!(planner.run(|_| Ok(2)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer() {
        let tasks = Tasks::new("test");
        let planner = Planner::start(1, 4, &tasks).unwrap();
        let failed = planner.run::<(), _>(|_| panic!("on purpose")).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!(planner.run(|_| Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn threads_end_at_shutdown() {
        let tasks = Tasks::new("test");
        let planner = Planner::start(2, 4, &tasks).unwrap();
        tasks.shutdown();
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
        let refused = planner.run(|_| Ok(())).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Shutdown);
    }
}
