//! Gauges of this process under the names that Prometheus' client libraries use. Read from Linux's
//! `/proc`; elsewhere there are none.

use std::fs;

/// Ticks of `utime` and `stime` in a second: part of Linux's interface on every architecture that
/// Rust has a server target for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Sets the gauges to what is now. Takes microseconds: `/proc` is memory.
pub(crate) fn sample() {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field(&status, "VmRSS:") {
            metrics::gauge!("process_resident_memory_bytes").set(kib * 1024.0);
        }
        if let Some(threads) = field(&status, "Threads:") {
            metrics::gauge!("process_threads").set(threads);
        }
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(files.count() as f64);
    }
    // A counter by meaning, but those of the facade hold whole numbers only.
    let stat = fs::read_to_string("/proc/self/stat");
    if let Some(seconds) = stat.ok().as_deref().and_then(cpu_seconds) {
        metrics::gauge!("process_cpu_seconds_total").set(seconds);
    }
}

/// The number after a label of `/proc/self/status`.
fn field(status: &str, label: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time of `/proc/self/stat`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let status = "Name:\teider\nVmRSS:\t  2048 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmRSS:"), Some(2048.0));
        assert_eq!(field(status, "Threads:"), Some(7.0));
        assert_eq!(field(status, "VmSwap:"), None);
        let stat = "1 (a) b (c) S 0 1 1 0 -1 4194560 2 3 4 5 250 50 6 7 20 0 7 0 99";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("1 (a"), None);
    }
}
