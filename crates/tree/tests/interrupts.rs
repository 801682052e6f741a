//! Stopping what the sidecar and the parser do, from another thread.
#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use model::{CatalogSnapshot, ErrorKind, Result};
use tree::{Interrupt, Parser, Sidecar, check_interrupt, uninterrupted};

const ENDLESS: &str = "select max(hash(range)) from range(1000000000000)";

fn stopped<T>(work: impl Fn() -> Result<T> + Sync) -> ErrorKind {
    let interrupt = Interrupt::default();
    let (begins, over) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            begins.wait();
            while !over.load(Ordering::Relaxed) {
                interrupt.stop();
                thread::yield_now();
            }
        });
        let outcome = interrupt.during(|| {
            begins.wait();
            let outcome = work();
            assert_eq!(
                check_interrupt().unwrap_err().kind(),
                ErrorKind::QueryCanceled
            );
            outcome
        });
        over.store(true, Ordering::Relaxed);
        outcome.err().unwrap().kind()
    })
}

#[test]
fn a_sidecar_is_stopped_and_serves_again() {
    let sidecar = Sidecar::build(&CatalogSnapshot::default(), "memory").unwrap();
    for _ in 0..8 {
        assert_eq!(
            stopped(|| sidecar.evaluate(ENDLESS)),
            ErrorKind::QueryCanceled
        );
        let in_zone = || sidecar.evaluate_in(ENDLESS, "UTC");
        assert_eq!(stopped(in_zone), ErrorKind::QueryCanceled);
        assert!(!sidecar.is_lost());
        assert_eq!(
            sidecar.evaluate("select 1").unwrap().scalar().as_deref(),
            Some("1")
        );
        assert_eq!(sidecar.describe("select 1 as a").unwrap().names, ["a"]);
    }
}

#[test]
fn what_was_stopped_calls_nothing_more() {
    let parser = Parser::open().unwrap();
    let sidecar = Sidecar::build(&CatalogSnapshot::default(), "memory").unwrap();
    let interrupt = Interrupt::default();
    interrupt.stop();
    interrupt.during(|| {
        assert_eq!(
            parser.parse("select 1").unwrap_err().kind(),
            ErrorKind::QueryCanceled
        );
        assert_eq!(
            sidecar.describe("select 1").unwrap_err().kind(),
            ErrorKind::QueryCanceled
        );
        uninterrupted(|| {
            parser.parse("select 1").unwrap();
            check_interrupt().unwrap();
        });
        check_interrupt().unwrap_err();
    });
    parser.parse("select 1").unwrap();
    sidecar.describe("select 1").unwrap();
}
