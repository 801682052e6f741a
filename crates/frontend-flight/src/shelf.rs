//! What a client was given a handle for: bounded in count and bytes, found by its owner only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;

/// 128 random bits. Handles are looked up among their owner's things only.
pub(crate) type Handle = [u8; 16];

/// A new handle.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn handle() -> Result<Handle> {
    let mut handle = Handle::default();
    getrandom::fill(&mut handle).map_err(|e| Error::internal(e.to_string()))?;
    Ok(handle)
}

/// What happens to a thing too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// It is refused.
    Refuse,
    /// The things that were not used for longest make room.
    Evict,
}

/// One owner's things of one kind.
pub(crate) struct Shelf<T> {
    what: &'static str,
    max_count: usize,
    max_bytes: usize,
    full: Full,
    things: Mutex<Things<T>>,
}

struct Things<T> {
    by_handle: HashMap<Handle, Thing<T>>,
    bytes: usize,
}

struct Thing<T> {
    value: Arc<T>,
    bytes: usize,
    used: Instant,
}

impl<T> Shelf<T> {
    pub(crate) fn new(what: &'static str, max_count: usize, max_bytes: usize, full: Full) -> Self {
        Self {
            what,
            max_count,
            max_bytes,
            full,
            things: Mutex::new(Things {
                by_handle: HashMap::new(),
                bytes: 0,
            }),
        }
    }

    /// Keeps a value of about `bytes`.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(crate) fn put(&self, value: T, bytes: usize) -> Result<Handle> {
        let handle = handle()?;
        let mut things = self.things.lock();
        self.make_room(&mut things, bytes)?;
        things.insert(handle, value, bytes);
        Ok(handle)
    }

    /// The value of that handle. This is a use of it.
    pub(crate) fn get(&self, handle: &[u8]) -> Option<Arc<T>> {
        let mut things = self.things.lock();
        let thing = things.by_handle.get_mut(handle)?;
        thing.used = Instant::now();
        Some(Arc::clone(&thing.value))
    }

    /// Puts another value in the place of the one that has this handle.
    ///
    /// # Errors
    /// `LimitExceeded`, and the old value stays; `UndefinedStatement`.
    pub(crate) fn replace(&self, handle: &[u8], value: T, bytes: usize) -> Result<()> {
        let mut things = self.things.lock();
        let Some((handle, old)) = things.by_handle.remove_entry(handle) else {
            return Err(self.unknown());
        };
        things.bytes -= old.bytes;
        let room = self.make_room(&mut things, bytes);
        match room {
            Ok(()) => things.insert(handle, value, bytes),
            Err(_) => {
                things.bytes += old.bytes;
                things.by_handle.insert(handle, old);
            }
        }
        room
    }

    /// Forgets the value of that handle.
    pub(crate) fn remove(&self, handle: &[u8]) -> Option<Arc<T>> {
        self.things.lock().remove(handle)
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut things = self.things.lock();
        things.by_handle.clear();
        things.bytes = 0;
    }

    /// Forgets what was not used for so long. Returns whether anything is left.
    pub(crate) fn sweep(&self, idle: Duration) -> bool {
        let mut things = self.things.lock();
        let old: Vec<Handle> = things
            .by_handle
            .iter()
            .filter(|(_, thing)| thing.used.elapsed() >= idle)
            .map(|(handle, _)| *handle)
            .collect();
        for handle in old {
            things.remove(&handle);
        }
        !things.by_handle.is_empty()
    }

    /// The error for a handle that is not there.
    pub(crate) fn unknown(&self) -> Error {
        Error::new(
            ErrorKind::UndefinedStatement,
            format!(
                "there is no such {} in this session, or it has expired",
                self.what
            ),
        )
    }

    fn make_room(&self, things: &mut Things<T>, bytes: usize) -> Result<()> {
        let fits = |things: &Things<T>| {
            things.by_handle.len() < self.max_count && things.bytes + bytes <= self.max_bytes
        };
        while !fits(things) {
            let oldest = match self.full {
                Full::Refuse => None,
                Full::Evict => things.oldest(),
            };
            let Some(oldest) = oldest else {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!(
                        "too many {}s in this session: {} of together {} bytes are allowed",
                        self.what, self.max_count, self.max_bytes
                    ),
                ));
            };
            things.remove(&oldest);
        }
        Ok(())
    }
}

impl<T> Things<T> {
    fn insert(&mut self, handle: Handle, value: T, bytes: usize) {
        self.bytes += bytes;
        let thing = Thing {
            value: Arc::new(value),
            bytes,
            used: Instant::now(),
        };
        self.by_handle.insert(handle, thing);
    }

    fn remove(&mut self, handle: &[u8]) -> Option<Arc<T>> {
        let thing = self.by_handle.remove(handle)?;
        self.bytes -= thing.bytes;
        Some(thing.value)
    }

    fn oldest(&self) -> Option<Handle> {
        let oldest = self.by_handle.iter().min_by_key(|(_, thing)| thing.used);
        oldest.map(|(handle, _)| *handle)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn handles_differ_and_find_their_value() {
        let shelf = Shelf::new("ticket", 10, 1000, Full::Refuse);
        let (a, b) = (shelf.put("a", 1).unwrap(), shelf.put("b", 1).unwrap());
        assert_ne!(a, b);
        assert_eq!(*shelf.get(&a).unwrap(), "a");
        assert_eq!(*shelf.get(&b).unwrap(), "b");
        for unknown in [&a[..15], &[0; 16], b""] {
            assert!(shelf.get(unknown).is_none());
        }
        assert_eq!(*shelf.remove(&a).unwrap(), "a");
        assert!(shelf.get(&a).is_none());
    }

    #[test]
    fn a_full_shelf_refuses() {
        let shelf = Shelf::new("prepared statement", 2, 100, Full::Refuse);
        let first = shelf.put(1, 60).unwrap();
        let error = shelf.put(2, 41).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        shelf.put(2, 40).unwrap();
        assert!(shelf.put(3, 0).is_err());
        shelf.remove(&first);
        shelf.put(3, 60).unwrap();
    }

    #[test]
    fn or_lets_go_of_what_was_not_used_for_longest() {
        let shelf = Shelf::new("ticket", 2, 100, Full::Evict);
        let a = shelf.put("a", 10).unwrap();
        let b = shelf.put("b", 10).unwrap();
        shelf.get(&a).unwrap();
        let c = shelf.put("c", 90).unwrap();
        assert!(shelf.get(&b).is_none());
        assert!(shelf.get(&a).is_some() && shelf.get(&c).is_some());
        assert!(shelf.put("too large", 101).is_err());
    }

    #[test]
    fn a_value_that_does_not_fit_leaves_the_old_one() {
        let shelf = Shelf::new("prepared statement", 2, 100, Full::Refuse);
        let handle = shelf.put(1, 50).unwrap();
        assert!(shelf.replace(&handle, 2, 101).is_err());
        assert_eq!(*shelf.get(&handle).unwrap(), 1);
        shelf.replace(&handle, 3, 100).unwrap();
        assert_eq!(*shelf.get(&handle).unwrap(), 3);
        shelf.replace(&handle, 4, 1).unwrap();
        shelf.put(5, 99).unwrap();
        let unknown = shelf.replace(&[0; 16], 6, 1).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UndefinedStatement);
    }

    #[test]
    fn sweeping_keeps_what_is_in_use() {
        let shelf = Shelf::new("ticket", 2, 100, Full::Evict);
        let handle = shelf.put(1, 50).unwrap();
        assert!(shelf.sweep(Duration::from_secs(3600)));
        assert!(shelf.get(&handle).is_some());
        assert!(!shelf.sweep(Duration::ZERO));
        assert!(shelf.get(&handle).is_none());
    }
}
