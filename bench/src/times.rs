//! Repeated runs.

use std::time::Duration;

use serde_json::{Value, json};

/// Times of several runs of one thing, in order of length.
#[derive(Debug, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// The shortest: what the work takes when nothing else is in the way.
    pub(crate) fn least(&self) -> f64 {
        self.0.first().map_or(f64::NAN, Duration::as_secs_f64)
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
    }

    /// So many of a hundred are no longer than this.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(f64::NAN, Duration::as_secs_f64)
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "runs": self.0.len(), "least_s": self.least(), "median_s": self.median() })
    }
}

/// The same as [`processor_time`], in seconds.
pub(crate) fn cpu_seconds() -> f64 {
    processor_time().as_secs_f64()
}

/// Memory that this process has at the moment, in MiB.
pub(crate) fn resident_mib() -> f64 {
    memory_mib("VmRSS:")
}

/// One of the kernel's figures of this process' memory, in MiB.
pub(crate) fn memory_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1_024.0)
}

/// Processor time that this process has taken, all its threads together, to a hundredth of a second. Where other
/// processes want the cores too it says more than the clock.
pub(crate) fn processor_time() -> Duration {
    // Behind the name, which may have spaces in it: fields 14 and 15 of proc(5), in ticks, of which Linux has 100 a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// What the figures were taken on.
pub(crate) fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    json!({ "cpu": cpu.map(|(_, name)| name), "cores": cores, "profile": profile })
}
