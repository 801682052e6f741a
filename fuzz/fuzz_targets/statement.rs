#![no_main]

use fuzzing::Statements;
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// Never closed: when a thread's own values are dropped, DuckDB's are gone already.
    static STATEMENTS: &'static Statements = Box::leak(Box::default());
}

fuzz_target!(|data: &[u8]| {
    STATEMENTS.with(|statements| statements.plan_bytes(data));
});
