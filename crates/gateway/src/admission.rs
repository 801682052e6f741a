//! Who runs now and who waits: a bound on statements at once, for the instance and per principal,
//! with a bounded queue that is fair among principals and first come, first served within one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::metric;

/// How many statements run and wait at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdmissionLimits {
    /// Statements that run or stream at once.
    pub statements: usize,
    /// The same for one principal.
    pub statements_per_principal: usize,
    /// Statements that wait.
    pub queue_length: usize,
    /// How long one waits.
    pub queue_timeout: Duration,
}

/// Hands out places. Shared by all sessions.
pub(crate) struct Admission {
    limits: AdmissionLimits,
    state: Mutex<State>,
}

/// The right to run one statement, given back on drop.
pub(crate) struct Place {
    admission: Arc<Admission>,
    principal: Arc<str>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: usize,
    next_ticket: u64,
    /// Principals with a statement that runs or waits.
    principals: HashMap<Arc<str>, Share>,
    /// Principals with a waiting statement, the next one to be served in front.
    turns: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct Share {
    running: usize,
    /// How many may run, as of its latest statement.
    limit: usize,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    ticket: u64,
    give: oneshot::Sender<Place>,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// Waits for a place. The principal may have a limit of its `own`. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// `LimitExceeded` if the queue is full, or the wait takes longer than its bound.
    pub(crate) async fn place(
        self: &Arc<Self>,
        principal: &Arc<str>,
        own: Option<usize>,
    ) -> Result<Place> {
        let (ticket, place) = match self.enter(principal, own)? {
            Entry::Admitted(place) => return Ok(place),
            Entry::Queued(ticket, place) => (ticket, place),
        };
        let _queued = Queued {
            admission: self,
            principal,
            ticket,
        };
        match tokio::time::timeout(self.limits.queue_timeout, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Error::internal("a waiting statement was forgotten")),
            Err(_) => Err(self.waited_too_long(principal)),
        }
    }

    /// Statements that hold a place, and statements that wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.running, state.waiting)
    }

    fn enter(self: &Arc<Self>, principal: &Arc<str>, own: Option<usize>) -> Result<Entry> {
        let mut state = self.state.lock();
        let share = state.principals.entry(Arc::clone(principal)).or_default();
        let everybodys = self.limits.statements_per_principal;
        share.limit = own.map_or(everybodys, |own| own.min(everybodys));
        // Whoever else waits is held back by a limit of its own, else it would run.
        let own_limit_free = share.running < share.limit;
        if own_limit_free && share.waiting.is_empty() && state.running < self.limits.statements {
            return Ok(Entry::Admitted(self.admit(&mut state, principal)));
        }
        if state.waiting >= self.limits.queue_length {
            state.forget_idle(principal);
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "too many statements are waiting: the queue holds {}",
                    self.limits.queue_length
                ),
            ));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting += 1;
        let (give, place) = oneshot::channel();
        let share = state.principals.entry(Arc::clone(principal)).or_default();
        share.waiting.push_back(Waiter { ticket, give });
        if share.waiting.len() == 1 {
            state.turns.push_back(Arc::clone(principal));
        }
        state.report();
        Ok(Entry::Queued(ticket, place))
    }

    fn admit(self: &Arc<Self>, state: &mut State, principal: &Arc<str>) -> Place {
        state.running += 1;
        let share = state.principals.entry(Arc::clone(principal)).or_default();
        share.running += 1;
        state.report();
        Place {
            admission: Arc::clone(self),
            principal: Arc::clone(principal),
        }
    }

    /// Gives free places to those whose turn it is.
    fn serve(self: &Arc<Self>, state: &mut State) -> Vec<(oneshot::Sender<Place>, Place)> {
        let mut served = Vec::new();
        let mut held_back = 0;
        while state.running < self.limits.statements && held_back < state.turns.len() {
            let Some(principal) = state.turns.pop_front() else {
                break;
            };
            let Some(share) = state.principals.get_mut(&principal) else {
                continue;
            };
            if share.running >= share.limit {
                state.turns.push_back(principal);
                held_back += 1;
                continue;
            }
            let waiter = share.waiting.pop_front();
            if !share.waiting.is_empty() {
                state.turns.push_back(Arc::clone(&principal));
            }
            if let Some(waiter) = waiter {
                state.waiting -= 1;
                served.push((waiter.give, self.admit(state, &principal)));
                held_back = 0;
            }
        }
        served
    }

    fn release(self: &Arc<Self>, principal: &Arc<str>) {
        let served = {
            let mut state = self.state.lock();
            state.running -= 1;
            if let Some(share) = state.principals.get_mut(principal) {
                share.running -= 1;
            }
            state.forget_idle(principal);
            let served = self.serve(&mut state);
            state.report();
            served
        };
        // Outside the lock: a place whose waiter has just gone comes back here at once.
        for (give, place) in served {
            drop(give.send(place));
        }
    }

    fn leave(&self, principal: &Arc<str>, ticket: u64) {
        let mut state = self.state.lock();
        let Some(share) = state.principals.get_mut(principal) else {
            return;
        };
        let Some(index) = share.waiting.iter().position(|w| w.ticket == ticket) else {
            return;
        };
        share.waiting.remove(index);
        if share.waiting.is_empty() {
            state.turns.retain(|p| p != principal);
        }
        state.waiting -= 1;
        state.forget_idle(principal);
        state.report();
    }

    fn waited_too_long(&self, principal: &Arc<str>) -> Error {
        let own = {
            let state = self.state.lock();
            let share = state.principals.get(principal);
            share.filter(|s| s.running >= s.limit).map(|s| s.limit)
        };
        let waited = self.limits.queue_timeout;
        let what = match own {
            Some(limit) => format!("one of the {limit} places of its principal"),
            None => format!("one of the {} places of the server", self.limits.statements),
        };
        Error::new(
            ErrorKind::LimitExceeded,
            format!("statement waited {waited:?} for {what}"),
        )
    }
}

enum Entry {
    Admitted(Place),
    Queued(u64, oneshot::Receiver<Place>),
}

/// A waiter's own mark in the queue, so that it leaves when its future is dropped.
struct Queued<'a> {
    admission: &'a Arc<Admission>,
    principal: &'a Arc<str>,
    ticket: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.admission.leave(self.principal, self.ticket);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.release(&self.principal);
    }
}

impl State {
    fn forget_idle(&mut self, principal: &Arc<str>) {
        let share = self.principals.get(principal);
        if share.is_some_and(|s| s.running == 0 && s.waiting.is_empty()) {
            self.principals.remove(principal);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn report(&self) {
        gauge!(metric::STATEMENTS_ACTIVE).set(self.running as f64);
        gauge!(metric::QUEUE_LENGTH).set(self.waiting as f64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use futures::FutureExt;

    use super::*;

    fn admission(statements: usize, per_principal: usize, queue_length: usize) -> Arc<Admission> {
        Admission::new(AdmissionLimits {
            statements,
            statements_per_principal: per_principal,
            queue_length,
            queue_timeout: Duration::from_secs(30),
        })
    }

    fn name(name: &str) -> Arc<str> {
        name.into()
    }

    #[tokio::test(start_paused = true)]
    async fn places_go_round_robin_among_principals() {
        let admission = admission(1, 1, 10);
        let (a, b) = (name("a"), name("b"));
        let first = admission.place(&a, None).await.unwrap();
        let mut a1 = Box::pin(admission.place(&a, None));
        let mut a2 = Box::pin(admission.place(&a, None));
        let mut b1 = Box::pin(admission.place(&b, None));
        assert!(a1.as_mut().now_or_never().is_none());
        assert!(a2.as_mut().now_or_never().is_none());
        assert!(b1.as_mut().now_or_never().is_none());
        assert_eq!(admission.load(), (1, 3));

        drop(first);
        let place = a1.await.unwrap();
        assert!(b1.as_mut().now_or_never().is_none());
        drop(place);
        let place = b1.await.unwrap();
        assert!(a2.as_mut().now_or_never().is_none());
        drop(place);
        drop(a2.await.unwrap());
        assert_eq!(admission.load(), (0, 0));
        assert!(admission.state.lock().principals.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_principal_at_its_limit_does_not_hold_others_back() {
        let admission = admission(3, 1, 10);
        let (a, b) = (name("a"), name("b"));
        let _running = admission.place(&a, None).await.unwrap();
        let mut waiting = Box::pin(admission.place(&a, None));
        assert!(waiting.as_mut().now_or_never().is_none());
        let _other = admission.place(&b, None).now_or_never().unwrap().unwrap();
        let error = waiting.await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(
            error.message(),
            "statement waited 30s for one of the 1 places of its principal"
        );
        assert_eq!(admission.load(), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_principal_may_have_a_limit_of_its_own() {
        let admission = admission(4, 2, 10);
        let (a, b) = (name("a"), name("b"));
        let first = admission.place(&a, Some(1)).await.unwrap();
        let mut second = Box::pin(admission.place(&a, Some(1)));
        assert!(second.as_mut().now_or_never().is_none());
        // No more than everybody may, whatever its own limit.
        let _others = [
            admission.place(&b, Some(9)).await.unwrap(),
            admission.place(&b, Some(9)).await.unwrap(),
        ];
        assert!(admission.place(&b, Some(9)).now_or_never().is_none());
        drop(first);
        drop(second.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once_and_a_leaver_makes_room() {
        let admission = admission(1, 1, 1);
        let a = name("a");
        let running = admission.place(&a, None).await.unwrap();
        let mut waiting = Box::pin(admission.place(&a, None));
        assert!(waiting.as_mut().now_or_never().is_none());
        let refused = admission.place(&name("b"), None).now_or_never().unwrap();
        assert_eq!(refused.err().unwrap().kind(), ErrorKind::LimitExceeded);
        drop(waiting);
        let b = name("b");
        let mut next = Box::pin(admission.place(&b, None));
        assert!(next.as_mut().now_or_never().is_none());
        assert_eq!(admission.load(), (1, 1));
        drop(running);
        drop(next.await.unwrap());
        assert_eq!(admission.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_given_to_one_who_left_goes_to_the_next() {
        let admission = admission(1, 1, 2);
        let a = name("a");
        let running = admission.place(&a, None).await.unwrap();
        let mut first = Box::pin(admission.place(&a, None));
        let mut second = Box::pin(admission.place(&a, None));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(running);
        // The place lies in the channel of the first one, which never looks.
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(admission.load(), (0, 0));
    }
}
