//! Slows down guessing: failures per address and per name drain at a fixed rate, and beyond a
//! burst of them logins are refused before a password is looked at.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use runtime::Clock;

/// How many failures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    /// Failures in a row before logins are refused.
    pub burst: NonZeroU32,
    /// One failure is forgiven in so long.
    pub refill: Duration,
}

/// Limits of failed logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// From one address; of IPv6, from one /64 network.
    pub per_address: FailureRate,
    /// For one name, whether it exists or not.
    pub per_name: FailureRate,
    /// For so long after a login, failures elsewhere do not lock its name out at its address.
    /// Without this, whoever knows a name could keep its owner out.
    pub trust: Duration,
    /// Addresses, names, and pairs of them that are remembered at most, each. The least recent
    /// are forgotten first.
    pub remembered: NonZeroUsize,
}

impl Default for ThrottleConfig {
    /// 30 failures of an address and one every 2 s; 10 of a name and one every 6 s; trust for a
    /// day; 65,536 remembered.
    fn default() -> Self {
        let rate = |burst, seconds| FailureRate {
            burst: NonZeroU32::new(burst).expect("not zero"),
            refill: Duration::from_secs(seconds),
        };
        Self {
            per_address: rate(30, 2),
            per_name: rate(10, 6),
            trust: Duration::from_secs(24 * 60 * 60),
            remembered: NonZeroUsize::new(65_536).expect("not zero"),
        }
    }
}

/// The failures of the recent past.
pub(crate) struct Throttle {
    config: ThrottleConfig,
    clock: Clock,
    hasher: RandomState,
    memory: Mutex<Memory>,
}

/// Each value is a moment. Of failures, it is when the last of them is forgiven, which is all that
/// a bucket with a fixed drain has to know.
struct Memory {
    addresses: LruCache<Network, Instant>,
    names: LruCache<Name, Instant>,
    trusted: LruCache<(Network, Name), Instant>,
}

/// An address, or what of it one client can't choose freely.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Network(u64);

/// A keyed hash of a name: names are as long as attackers like.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name(u64);

impl Throttle {
    pub(crate) fn new(config: ThrottleConfig, clock: Clock) -> Self {
        Self {
            config,
            clock,
            hasher: RandomState::new(),
            memory: Mutex::new(Memory {
                // Unbounded caches grow as needed; `remember` bounds them.
                addresses: LruCache::unbounded(),
                names: LruCache::unbounded(),
                trusted: LruCache::unbounded(),
            }),
        }
    }

    /// Whether a login of that name from that address may be tried now.
    pub(crate) fn allows(&self, address: IpAddr, name: &str) -> bool {
        let (network, name) = self.keys(address, name);
        let now = self.clock.now();
        let memory = self.memory.lock();
        let below = |forgiven: Option<&Instant>, rate: FailureRate| {
            let left = forgiven.map_or(Duration::ZERO, |f| f.saturating_duration_since(now));
            left <= rate.refill * (rate.burst.get() - 1)
        };
        let is_trusted = || {
            let until = memory.trusted.peek(&(network, name));
            until.is_some_and(|until| now < *until)
        };
        below(memory.addresses.peek(&network), self.config.per_address)
            && (below(memory.names.peek(&name), self.config.per_name) || is_trusted())
    }

    /// Remembers a wrong password.
    pub(crate) fn failed(&self, address: IpAddr, name: &str) {
        let (network, name) = self.keys(address, name);
        let now = self.clock.now();
        let add = |forgiven: Option<&Instant>, rate: FailureRate| {
            forgiven.map_or(now, |f| (*f).max(now)) + rate.refill
        };
        let mut memory = self.memory.lock();
        let forgiven = add(memory.addresses.peek(&network), self.config.per_address);
        self.remember(&mut memory.addresses, network, forgiven);
        let forgiven = add(memory.names.peek(&name), self.config.per_name);
        self.remember(&mut memory.names, name, forgiven);
    }

    /// Remembers a login. Failures stay: with an account of their own, attackers could wipe them.
    pub(crate) fn succeeded(&self, address: IpAddr, name: &str) {
        let (network, name) = self.keys(address, name);
        let until = self.clock.now() + self.config.trust;
        let mut memory = self.memory.lock();
        self.remember(&mut memory.trusted, (network, name), until);
    }

    fn remember<K: std::hash::Hash + Eq>(
        &self,
        cache: &mut LruCache<K, Instant>,
        key: K,
        moment: Instant,
    ) {
        cache.put(key, moment);
        if cache.len() > self.config.remembered.get() {
            cache.pop_lru();
        }
    }

    fn keys(&self, address: IpAddr, name: &str) -> (Network, Name) {
        let network = match address.to_canonical() {
            // Odd and below 2^33: no IPv6 network in use begins like that.
            IpAddr::V4(v4) => u64::from(v4.to_bits()) << 1 | 1,
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        };
        (Network(network), Name(self.hasher.hash_one(name)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use runtime::ManualClock;

    use super::*;

    fn throttle() -> (Throttle, ManualClock) {
        let (clock, hand) = Clock::manual();
        let rate = |burst, seconds| FailureRate {
            burst: NonZeroU32::new(burst).unwrap(),
            refill: Duration::from_secs(seconds),
        };
        let config = ThrottleConfig {
            per_address: rate(4, 2),
            per_name: rate(2, 10),
            trust: Duration::from_secs(100),
            remembered: NonZeroUsize::new(8).unwrap(),
        };
        (Throttle::new(config, clock), hand)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_refused_from_everywhere_until_failures_are_forgiven() {
        let (throttle, hand) = throttle();
        throttle.failed(ip("10.0.0.1"), "jfk");
        assert!(throttle.allows(ip("10.0.0.1"), "jfk"));
        throttle.failed(ip("10.0.0.2"), "jfk");
        assert!(!throttle.allows(ip("10.0.0.3"), "jfk"));
        assert!(throttle.allows(ip("10.0.0.1"), "admin"));
        hand.advance(Duration::from_secs(9));
        assert!(!throttle.allows(ip("10.0.0.3"), "jfk"));
        hand.advance(Duration::from_secs(1));
        assert!(throttle.allows(ip("10.0.0.3"), "jfk"));
        throttle.failed(ip("10.0.0.3"), "jfk");
        assert!(!throttle.allows(ip("10.0.0.3"), "jfk"));
    }

    #[test]
    fn an_address_is_refused_for_every_name() {
        let (throttle, hand) = throttle();
        for name in ["a", "b", "c", "d"] {
            assert!(throttle.allows(ip("10.0.0.1"), name));
            throttle.failed(ip("10.0.0.1"), name);
        }
        assert!(!throttle.allows(ip("10.0.0.1"), "e"));
        assert!(!throttle.allows(ip("::ffff:10.0.0.1"), "e"));
        assert!(throttle.allows(ip("10.0.0.2"), "e"));
        hand.advance(Duration::from_secs(2));
        assert!(throttle.allows(ip("10.0.0.1"), "e"));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let (throttle, _hand) = throttle();
        for last in 1..=4 {
            throttle.failed(ip(&format!("2001:db8::{last}")), &last.to_string());
        }
        assert!(!throttle.allows(ip("2001:db8::5"), "e"));
        assert!(throttle.allows(ip("2001:db8:0:1::5"), "e"));
    }

    #[test]
    fn an_owner_is_not_kept_out_where_they_logged_in_before() {
        let (throttle, hand) = throttle();
        throttle.succeeded(ip("10.0.0.1"), "jfk");
        for _ in 0..3 {
            throttle.failed(ip("10.0.0.9"), "jfk");
        }
        assert!(throttle.allows(ip("10.0.0.1"), "jfk"));
        assert!(!throttle.allows(ip("10.0.0.2"), "jfk"));
        for _ in 0..20 {
            hand.advance(Duration::from_secs(5));
            throttle.failed(ip("10.0.0.9"), "jfk");
        }
        assert!(!throttle.allows(ip("10.0.0.1"), "jfk"), "trust ends");
    }

    #[test]
    fn a_login_does_not_wipe_the_failures_of_its_address() {
        let (throttle, _hand) = throttle();
        for name in ["a", "b", "c", "d"] {
            throttle.failed(ip("10.0.0.1"), name);
            throttle.succeeded(ip("10.0.0.1"), "own");
        }
        assert!(!throttle.allows(ip("10.0.0.1"), "e"));
    }

    #[test]
    fn memory_is_bounded() {
        let (throttle, _hand) = throttle();
        for n in 0..100u8 {
            let address = IpAddr::from([10, 0, 0, n]);
            throttle.failed(address, &n.to_string());
            throttle.succeeded(address, &n.to_string());
        }
        let memory = throttle.memory.lock();
        assert_eq!(memory.addresses.len(), 8);
        assert_eq!(memory.names.len(), 8);
        assert_eq!(memory.trusted.len(), 8);
    }
}
