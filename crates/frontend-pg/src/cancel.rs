//! CancelRequest: which connection a key belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gateway::Session;
use model::{Error, Result};
use parking_lot::RwLock;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::metric;

/// Bytes of a key in protocol 3.0 and in 3.2.
const SHORT_KEY: usize = 4;
const LONG_KEY: usize = 32;

/// All connections that can be cancelled. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Registry(Arc<RwLock<Table>>);

#[derive(Default)]
struct Table {
    last: i32,
    entries: HashMap<i32, Entry>,
}

struct Entry {
    key: Bytes,
    session: Arc<Session>,
    requests: watch::Sender<u64>,
}

/// One connection's place in the registry, left on drop.
pub(crate) struct Registered {
    registry: Registry,
    pub(crate) pid: i32,
    pub(crate) key: Bytes,
    pub(crate) requests: Requests,
}

/// Tells a connection that it was asked to cancel.
#[derive(Clone)]
pub(crate) struct Requests(watch::Receiver<u64>);

impl Registry {
    /// Gives a session a process id and a random key: of 4 bytes, or a long one for clients of
    /// protocol 3.2.
    pub(crate) fn register(&self, session: &Arc<Session>, long: bool) -> Result<Registered> {
        let mut key = [0; LONG_KEY];
        let key = &mut key[..if long { LONG_KEY } else { SHORT_KEY }];
        getrandom::fill(key).map_err(Error::internal)?;
        let key = Bytes::copy_from_slice(key);
        let (sender, receiver) = watch::channel(0);
        let mut table = self.0.write();
        let pid = table.free_pid();
        let entry = Entry {
            key: key.clone(),
            session: Arc::clone(session),
            requests: sender,
        };
        table.entries.insert(pid, entry);
        Ok(Registered {
            registry: self.clone(),
            pid,
            key,
            requests: Requests(receiver),
        })
    }

    /// Cancels what the connection with that key runs, if there is one. Whether there is one is
    /// not told to the asker.
    pub(crate) fn cancel(&self, pid: i32, key: &[u8]) {
        let table = self.0.read();
        let entry = table.entries.get(&pid);
        let entry = entry.filter(|e| bool::from(e.key.as_ref().ct_eq(key)));
        metric::cancel(entry.is_some());
        if let Some(entry) = entry {
            entry.session.cancel();
            entry.requests.send_modify(|n| *n += 1);
        }
    }
}

impl Table {
    /// The next positive number that no connection has.
    fn free_pid(&mut self) -> i32 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.entries.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.0.write().entries.remove(&self.pid);
    }
}

impl Requests {
    /// Forgets earlier requests: they were for what ran then.
    pub(crate) fn forget(&mut self) {
        self.0.mark_unchanged();
    }

    /// Returns once there is a request. Cancel safe.
    pub(crate) async fn requested(&mut self) {
        if self.0.changed().await.is_err() {
            // The place in the registry is gone: nobody can ask any more.
            std::future::pending().await
        }
    }
}
