//! How much memory there is.

use std::path::Path;

/// What DuckDB gets of it by default, in percent: the rest is for plans, results and the system.
const SHARE: u64 = 70;

/// What is assumed where the system does not tell.
const UNKNOWN: u64 = 2 << 30;

/// DuckDB's share of the memory of this process's control group, else of the machine's.
pub(super) fn share() -> u64 {
    let limits = [
        number(Path::new("/sys/fs/cgroup/memory.max")),
        number(Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes")),
        machine(),
    ];
    let memory = limits.into_iter().flatten().min().unwrap_or(UNKNOWN);
    (memory / 100).saturating_mul(SHARE)
}

/// `None` where there is no such file, and for `max`, which means no limit.
fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn machine() -> Option<u64> {
    total(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_in_kib() {
        let meminfo = "MemFree:  1 kB\nMemTotal:       16384 kB\n";
        assert_eq!(total(meminfo), Some(16 << 20));
        assert_eq!(total("MemTotal: much"), None);
        assert!(share() > 0);
    }
}
