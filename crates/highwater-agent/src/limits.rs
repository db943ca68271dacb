//! What this process may use, as its container says, or the machine.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use highwater_runtime::own_memory;

/// What this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory in bytes: the tightest limit of the control groups that the process is in, or all of the machine's. `None`
    /// where the system does not say.
    pub memory_bytes: Option<u64>,
    /// Whether [`Self::memory_bytes`] is a control group's limit, at which the kernel kills.
    pub is_memory_limited: bool,
    /// Processor time per time, in processors: the tightest quota of the control groups, or the number of processors that
    /// the process may run on. `None` where the system does not say.
    pub cpus: Option<f64>,
}

/// Reads the limits: of the control groups of version 1 or 2 that the process is in, and of those above these.
///
/// ```
/// let limits = highwater_agent::limits();
/// let cache_bytes = limits.memory_bytes.map_or(64 << 20, |bytes| bytes / 4);
/// # assert!(cache_bytes > 0);
/// ```
pub fn limits() -> Limits {
    let container = highwater::container();
    let total = own_memory(|| fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(total_bytes));
    let processors = available_parallelism().map(NonZero::get).ok().map(|it| it as f64);
    Limits::of(&container, total, processors)
}

impl Limits {
    fn of(container: &highwater::Container, total: Option<u64>, processors: Option<f64>) -> Self {
        // A limit above what the machine has limits nothing.
        let limit = container.memory_limit_bytes.filter(|&limit| total.is_none_or(|total| limit < total));
        let cpus = [container.cpu_limit, processors].into_iter().flatten().min_by(f64::total_cmp);
        Self { memory_bytes: limit.or(total), is_memory_limited: limit.is_some(), cpus }
    }
}

/// `MemTotal` of `/proc/meminfo`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_processors() {
        let limits = limits();
        assert!(limits.cpus.unwrap() > 0.0);
        assert!(limits.memory_bytes.unwrap() > 1 << 20);
    }

    #[test]
    fn a_limit_beyond_the_machine_is_none() {
        let mut container = highwater::Container::default();
        container.memory_limit_bytes = Some(500);
        let limits = |container: &_, total| Limits::of(container, total, Some(4.0));
        assert_eq!(limits(&container, Some(1000)).memory_bytes, Some(500));
        assert!(limits(&container, Some(1000)).is_memory_limited);
        assert!(limits(&container, None).is_memory_limited);
        assert_eq!(limits(&container, Some(400)).memory_bytes, Some(400));
        assert!(!limits(&container, Some(400)).is_memory_limited);
        container.cpu_limit = Some(0.5);
        assert_eq!(limits(&container, None).cpus, Some(0.5));
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        assert_eq!(total_bytes("MemTotal:       2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(total_bytes("MemTotal: many\n"), None);
    }
}
