//! Who runs now and who waits: a bound on statements at once, for the instance and per principal,
//! with a bounded queue that is fair among principals and first come, first served within one. Of
//! the queue a principal takes no more than its share, so that none fills it for the others.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use model::{Error, ErrorKind, Result, Share, StatementId};
use parking_lot::Mutex;
use policy::{Bound, Limits};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::metric;
use crate::wait::{self, Wait, WaitsFor};

/// How many statements run and wait at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdmissionLimits {
    /// Statements that run or stream at once.
    pub statements: usize,
    /// The same for one principal.
    pub statements_per_principal: usize,
    /// Statements that wait.
    pub queue_length: usize,
    /// How much of that one principal may take.
    pub queue_share: Share,
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
    /// Principals with a statement that runs or waits.
    principals: HashMap<Arc<str>, Tenant>,
    /// Principals with a waiting statement, the next one to be served in front.
    turns: VecDeque<Arc<str>>,
}

/// A principal's part in it.
#[derive(Default)]
struct Tenant {
    running: usize,
    /// How many may run, as of its latest statement.
    most: usize,
    /// The limit that says so, if it is not the server's.
    by: Option<Arc<str>>,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    statement: StatementId,
    since: Instant,
    give: oneshot::Sender<Place>,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// Waits for a place for a statement of that principal, whose limits these are; calls `queued` if
    /// there is none at once. Whoever hears is told of a long wait. Dropping the future leaves the
    /// queue.
    ///
    /// # Errors
    /// `LimitExceeded` if the queue, or the principal's share of it, is full, or the wait takes
    /// longer than its bound.
    pub(crate) async fn place(
        self: &Arc<Self>,
        statement: StatementId,
        principal: &Arc<str>,
        limits: &Limits,
        queued: impl FnOnce(),
    ) -> Result<Place> {
        let place = match self.enter(statement, principal, limits)? {
            Entry::Admitted(place) => return Ok(place),
            Entry::Queued(place) => place,
        };
        let _queued = Queued {
            admission: self,
            principal,
            statement,
        };
        queued();
        let mut place = pin!(place);
        let begun = Instant::now();
        let end = begun + self.limits.queue_timeout;
        let told = end.min(begun + wait::TOLD_AFTER);
        let given = match tokio::time::timeout_at(told, place.as_mut()).await {
            Ok(given) => Ok(given),
            Err(_) => {
                if let Some(waits_for) = self.waits_for(principal) {
                    wait::tell(waits_for);
                }
                tokio::time::timeout_at(end, place).await
            }
        };
        match given {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Error::internal("a waiting statement was forgotten")),
            Err(_) => Err(self.waited_too_long(principal)),
        }
    }

    /// The statements that wait, and for what.
    pub(crate) fn waits(&self) -> HashMap<StatementId, Wait> {
        let state = self.state.lock();
        let mut waits = HashMap::with_capacity(state.waiting);
        let mut turns: VecDeque<_> = state
            .turns
            .iter()
            .filter_map(|principal| state.principals.get(principal))
            .map(|tenant| (tenant, tenant.waiting.iter()))
            .collect();
        // As they will be served, if no limit holds one back.
        while let Some((tenant, mut waiting)) = turns.pop_front() {
            if let Some(waiter) = waiting.next() {
                let wait = Wait {
                    waits_for: self.holds_back(tenant),
                    waited: waiter.since.elapsed(),
                    place: Some(waits.len() + 1),
                };
                waits.insert(waiter.statement, wait);
                turns.push_back((tenant, waiting));
            }
        }
        waits
    }

    /// Statements that hold a place, and statements that wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.running, state.waiting)
    }

    fn enter(
        self: &Arc<Self>,
        statement: StatementId,
        principal: &Arc<str>,
        limits: &Limits,
    ) -> Result<Entry> {
        let mut state = self.state.lock();
        let tenant = state.principals.entry(Arc::clone(principal)).or_default();
        let everybodys = self.limits.statements_per_principal;
        (tenant.most, tenant.by) = stricter(everybodys, limits.statements.as_ref(), |own| own);
        // Whoever else waits is held back by a limit of its own, else it would run.
        let own_place_free = tenant.running < tenant.most;
        let own_waiting = tenant.waiting.len();
        if own_place_free && own_waiting == 0 && state.running < self.limits.statements {
            return Ok(Entry::Admitted(self.admit(&mut state, principal)));
        }
        if let Err(error) = self.check_room(own_waiting, state.waiting, limits) {
            state.forget_idle(principal);
            return Err(error);
        }
        state.waiting += 1;
        let (give, place) = oneshot::channel();
        let tenant = state.principals.entry(Arc::clone(principal)).or_default();
        tenant.waiting.push_back(Waiter {
            statement,
            since: Instant::now(),
            give,
        });
        if tenant.waiting.len() == 1 {
            state.turns.push_back(Arc::clone(principal));
        }
        state.report();
        Ok(Entry::Queued(place))
    }

    /// Whether one more may wait, where `own` of the principal and `all` together do.
    fn check_room(&self, own: usize, all: usize, limits: &Limits) -> Result<()> {
        let length = self.limits.queue_length;
        let share = self.limits.queue_share.of(length);
        let (share, by) = stricter(share, limits.queue_share.as_ref(), |own| own.of(length));
        let (reason, message) = if all >= length {
            let message = format!("too many statements are waiting: the queue holds {length}");
            ("queue", message)
        } else if own >= share {
            let whose = by.map_or("the server".to_owned(), |name| format!("limit \"{name}\""));
            let message = format!(
                "too many statements of this principal are waiting: {whose} allows {share}"
            );
            ("share", message)
        } else {
            return Ok(());
        };
        counter!(metric::QUEUE_REFUSED, "reason" => reason).increment(1);
        let error = Error::new(ErrorKind::LimitExceeded, message);
        Err(error.with_hint("try again when other statements have ended"))
    }

    fn admit(self: &Arc<Self>, state: &mut State, principal: &Arc<str>) -> Place {
        state.running += 1;
        let tenant = state.principals.entry(Arc::clone(principal)).or_default();
        tenant.running += 1;
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
            let Some(tenant) = state.principals.get_mut(&principal) else {
                continue;
            };
            if tenant.running >= tenant.most {
                state.turns.push_back(principal);
                held_back += 1;
                continue;
            }
            let waiter = tenant.waiting.pop_front();
            if !tenant.waiting.is_empty() {
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
            if let Some(tenant) = state.principals.get_mut(principal) {
                tenant.running -= 1;
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

    fn leave(&self, principal: &Arc<str>, statement: StatementId) {
        let mut state = self.state.lock();
        let Some(tenant) = state.principals.get_mut(principal) else {
            return;
        };
        let mut waiting = tenant.waiting.iter();
        let Some(index) = waiting.position(|w| w.statement == statement) else {
            return;
        };
        tenant.waiting.remove(index);
        if tenant.waiting.is_empty() {
            state.turns.retain(|p| p != principal);
        }
        state.waiting -= 1;
        state.forget_idle(principal);
        state.report();
    }

    /// What a waiting statement of that principal waits for now.
    fn waits_for(&self, principal: &Arc<str>) -> Option<WaitsFor> {
        let state = self.state.lock();
        let tenant = state.principals.get(principal)?;
        Some(self.holds_back(tenant))
    }

    fn holds_back(&self, tenant: &Tenant) -> WaitsFor {
        let places = tenant.most;
        match &tenant.by {
            _ if tenant.running < places => WaitsFor::Server {
                places: self.limits.statements,
            },
            None => WaitsFor::Principal { places },
            Some(name) => WaitsFor::Limit {
                places,
                name: Arc::clone(name),
            },
        }
    }

    fn waited_too_long(&self, principal: &Arc<str>) -> Error {
        counter!(metric::QUEUE_REFUSED, "reason" => "timeout").increment(1);
        let waited = self.limits.queue_timeout;
        let message = match self.waits_for(principal) {
            Some(waits_for) => format!("statement waited {waited:?} for {waits_for}"),
            None => format!("statement waited {waited:?} for its turn"),
        };
        Error::new(ErrorKind::LimitExceeded, message)
    }
}

/// The server's bound, or the principal's own with its limit's name if that is stricter.
fn stricter<T: Copy>(
    everybodys: usize,
    own: Option<&Bound<T>>,
    count: impl Fn(T) -> usize,
) -> (usize, Option<Arc<str>>) {
    match own.map(|bound| (count(bound.most), &bound.by)) {
        Some((own, by)) if own < everybodys => (own, Some(Arc::clone(by))),
        _ => (everybodys, None),
    }
}

enum Entry {
    Admitted(Place),
    Queued(oneshot::Receiver<Place>),
}

/// A waiter's own mark in the queue, so that it leaves when its future is dropped.
struct Queued<'a> {
    admission: &'a Arc<Admission>,
    principal: &'a Arc<str>,
    statement: StatementId,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.admission.leave(self.principal, self.statement);
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
mod tests;
