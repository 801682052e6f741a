//! What a statement waits for before it runs, and who is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

/// How long a statement waits before its client is told. A shorter wait is hardly felt, and under
/// load most statements have one: a notice for each would only be noise.
pub(crate) const TOLD_AFTER: Duration = Duration::from_millis(250);

/// What a statement waits for. Says nothing of the statements of others, so that its own client may
/// know it; `Display` completes "the statement waits for …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// An earlier statement of its session.
    Session,
    /// One of the places of the server.
    Server {
        /// How many there are.
        places: usize,
    },
    /// One of the places that the server has for each principal.
    Principal {
        /// How many there are.
        places: usize,
    },
    /// One of the places that a `[[limit]]` of the policy leaves its principal.
    Limit {
        /// How many there are.
        places: usize,
        /// The limit's id, else where it is written.
        name: Arc<str>,
    },
}

/// How a statement waits, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// For how long it has waited.
    pub waited: Duration,
    /// Its place in the queue, from 1, where it waits in that: so many places are given up to its
    /// own if none of those before it is held back by a limit. `None` for those that wait for their
    /// session.
    pub place: Option<usize>,
}

impl WaitsFor {
    /// The kind's lowercase name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Server { .. } => "server",
            Self::Principal { .. } => "principal",
            Self::Limit { .. } => "limit",
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("an earlier statement of its session"),
            Self::Server { places } => write!(f, "one of the {places} places of the server"),
            Self::Principal { places } => write!(f, "one of the {places} places of its principal"),
            Self::Limit { places, name } => {
                write!(f, "one of the {places} places that limit \"{name}\" allows")
            }
        }
    }
}

/// The ear of a door: it is told of waits that begin to be long.
#[derive(Clone, Debug)]
pub struct WaitSender(UnboundedSender<WaitsFor>);

tokio::task_local! {
    /// Who hears of the waits of the work that is being polled. A wait may lie deep in it, as in the
    /// look for a PIVOT's values while it is planned, and nothing on the way there is about waiting.
    static EAR: WaitSender;
}

impl WaitSender {
    /// An ear that hears by this channel, which holds one message for each long wait.
    pub fn new(sender: UnboundedSender<WaitsFor>) -> Self {
        Self(sender)
    }

    /// Does the work of a session, hearing of the waits in it. Work that is spawned on the way is
    /// not heard, unless it is given [`WaitSender::current`].
    pub async fn hear<T>(self, work: impl Future<Output = T>) -> T {
        EAR.scope(self, work).await
    }

    /// The ear of the work that is being polled, if it has one.
    pub fn current() -> Option<Self> {
        EAR.try_with(Clone::clone).ok()
    }
}

/// Tells whoever hears that a statement waits.
pub(crate) fn tell(waits_for: WaitsFor) {
    if let Some(WaitSender(sender)) = WaitSender::current() {
        // A door that has stopped listening has given the statement up.
        let _unheard = sender.send(waits_for);
    }
}
