//! Metrics: the `metrics` facade in front of one Prometheus recorder. Names begin with `eider_`
//! and end in their unit; counters in `_total`.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;

use crate::{Tasks, process};

/// Upper bounds of the buckets of every histogram in seconds.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    30.0, 300.0,
];

/// How often what histograms collect is folded into their buckets, which bounds its memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The process's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Metrics can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The recorder can't be built.
    #[error("metrics recorder can't be built")]
    Build(#[from] BuildError),
    /// Another recorder was installed before.
    #[error("another metrics recorder is installed already")]
    Installed,
}

/// Makes the Prometheus recorder the process's one, or returns the one installed by an earlier
/// call. What was counted before the first call is lost.
///
/// # Errors
/// Someone else has installed a recorder.
pub fn install() -> Result<Metrics, MetricsError> {
    static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);
    let mut installed = INSTALLED.lock();
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .build_recorder();
    let metrics = Metrics(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Installed)?;
    Ok(installed.insert(metrics).clone())
}

impl Metrics {
    /// All metrics, those of the process among them, in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        process::sample();
        self.0.render()
    }

    /// Keeps the memory of histograms bounded between scrapes, until `tasks` shuts down.
    pub fn spawn_upkeep(&self, tasks: &Tasks) {
        let (handle, stop) = (self.0.clone(), tasks.shutdown_token());
        tasks.spawn("metrics upkeep", async move {
            let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                tokio::select! {
                    _ = interval.tick() => handle.run_upkeep(),
                    () = stop.cancelled() => return,
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        install().unwrap();
        ::metrics::counter!("eider_test_total", "door" => "pg").increment(2);
        ::metrics::histogram!("eider_test_seconds").record(0.3);
        let text = install().unwrap().render();
        assert!(text.contains("eider_test_total{door=\"pg\"} 2"), "{text}");
        assert!(
            text.contains("eider_test_seconds_bucket{le=\"0.5\"} 1"),
            "{text}"
        );
        if cfg!(target_os = "linux") {
            assert!(text.contains("process_resident_memory_bytes "), "{text}");
            assert!(text.contains("process_cpu_seconds_total "), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn upkeep_ends_with_its_group() {
        let tasks = Tasks::new("server");
        install().unwrap().spawn_upkeep(&tasks);
        tasks.shutdown();
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
    }
}
