#![no_main]

use fuzzing::Policies;
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// Never closed: when a thread's own values are dropped, DuckDB's are gone already.
    static POLICIES: &'static Policies = Box::leak(Box::default());
}

fuzz_target!(|data: &[u8]| {
    POLICIES.with(|policies| policies.load(data));
});
