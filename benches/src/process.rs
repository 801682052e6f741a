//! Processes, and what the kernel says of them.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use crate::Result;

/// The kernel counts processor time in units of 10 ms wherever Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process of the bench. Dropping it ends the process.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let started = command.spawn();
        let program = command.get_program().to_string_lossy();
        started
            .map(Self)
            .map_err(|e| format!("starting {program}: {e}").into())
    }

    /// Processor time that all its threads have taken so far, the kernel's part included.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let ticks = ticks(&stat).ok_or("the kernel's account of a process can't be read")?;
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// Its resident memory now, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = size.and_then(|size| size.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes.ok_or("the process has ended")?.parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fields 14 and 15, user and system time. The name before them may hold any character.
fn ticks(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "12 (a) b 3) S 1 12 12 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 1 0 1 2 3";
        assert_eq!(ticks(stat), Some(200.0));
        assert_eq!(ticks("12 (a"), None);
    }
}
