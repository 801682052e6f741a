//! How long to wait between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Exponential backoff with jitter: each delay is drawn evenly from the upper half of a span that
/// doubles from `initial` up to `max`. Half of it is always waited, so a fleet neither retries in
/// step nor at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// A sequence of delays that has not begun.
    pub fn new(initial: Duration, max: Duration) -> Self {
        let initial = initial.min(max);
        Self {
            initial,
            max,
            next: initial,
        }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let span = self.next;
        self.next = span.saturating_mul(2).min(self.max);
        span / 2 + (span / 2).mul_f64(random_unit())
    }

    /// Starts again from `initial`, after a success.
    pub fn reset(&mut self) {
        self.next = self.initial;
    }
}

/// An evenly distributed number in [0, 1). Not for secrets.
fn random_unit() -> f64 {
    // The top 53 bits are exactly what an f64 can carry.
    let bits = RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(350));
        for span in [100, 200, 350, 350] {
            let delay = backoff.next_delay();
            assert!(
                delay >= ms(span / 2) && delay <= ms(span),
                "{delay:?} of {span}"
            );
        }
        backoff.reset();
        assert!(backoff.next_delay() <= ms(100));
    }

    #[test]
    fn delays_differ() {
        let delays: std::collections::BTreeSet<_> = (0..32)
            .map(|_| Backoff::new(Duration::from_secs(9), Duration::from_secs(9)).next_delay())
            .collect();
        assert!(delays.len() > 1);
    }
}
