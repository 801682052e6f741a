//! Time as a value, so that tests move it instead of sleeping.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Tells monotonic time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Mutex<Instant>>),
}

/// Moves the [`Clock`] it was made with.
#[derive(Debug)]
pub struct ManualClock(Arc<Mutex<Instant>>);

impl Clock {
    /// The system's clock. Inside a tokio runtime with paused time it follows that.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until the handle moves it.
    pub fn manual() -> (Self, ManualClock) {
        let now = Arc::new(Mutex::new(Instant::now()));
        (Self(Source::Manual(Arc::clone(&now))), ManualClock(now))
    }

    /// The present moment.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => tokio::time::Instant::now().into_std(),
            Source::Manual(now) => *now.lock(),
        }
    }
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        hand.advance(Duration::from_secs(3));
        assert_eq!(clock.now() - start, Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_follows_paused_time() {
        let clock = Clock::system();
        let start = clock.now();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.now() - start, Duration::from_secs(7));
    }
}
