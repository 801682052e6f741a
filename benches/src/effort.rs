//! How much is measured.

use std::time::Duration;

/// Repetitions and durations of all suites.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Times that each long piece of work is done, after one that does not count.
    pub(crate) rounds: usize,
    /// Times that each short piece of work is done in a row before it is the baseline's turn.
    pub(crate) block: usize,
    /// Such turns.
    pub(crate) blocks: usize,
    /// How long statements are sent for one figure of throughput, each round.
    pub(crate) load: Duration,
    /// How long the slow client reads.
    pub(crate) slow: Duration,
}

impl Effort {
    /// To measure.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        block: 250,
        blocks: 20,
        load: Duration::from_secs(2),
        slow: Duration::from_secs(20),
    };

    /// To try the harness.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        block: 20,
        blocks: 2,
        load: Duration::from_millis(200),
        slow: Duration::from_secs(2),
    };
}
