//! The memory and processors that this process may use: limits of its container, its own limits, and the
//! machine.

use std::num::NonZero;
use std::thread::available_parallelism;

use highwater::{LimitKind, MemoryLevel};
use highwater_recorder::own_memory;

/// The memory and processors that this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory in bytes: the tightest limit of the process's control groups and of the process itself
    /// (`RLIMIT_AS`, `RLIMIT_DATA`), or all memory of the machine. Other processes may use a part of it: see
    /// [`Self::headroom_bytes`]. `None` if the system does not say.
    pub memory_bytes: Option<u64>,
    /// Whether [`Self::memory_bytes`] is a limit of a control group or of the process, not the machine's
    /// memory.
    pub is_memory_limited: bool,
    /// Bytes left before the kernel kills the process or refuses it more memory, at the nearest limit.
    pub headroom_bytes: Option<u64>,
    /// The kind of the nearest limit.
    pub nearest: Option<LimitKind>,
    /// Processor time per time, in processors: the tightest quota of the control groups, or the number of
    /// processors on which the process may run. `None` if the system does not say.
    pub cpus: Option<f64>,
}

/// Reads the limits of the process's control groups (version 1 or 2) and their parents, of the process, and
/// of the machine. [`highwater::memory_levels`] lists them one by one.
///
/// ```
/// let limits = highwater_agent::limits();
/// let cache_bytes = limits.memory_bytes.map_or(64 << 20, |bytes| bytes / 4);
/// # assert!(cache_bytes > 0);
/// ```
pub fn limits() -> Limits {
    own_memory(|| {
        let processors = available_parallelism().map(NonZero::get).ok().map(|it| it as f64);
        Limits::from_levels(&highwater::memory_levels(), highwater::container().cpu_limit, processors)
    })
}

impl Limits {
    fn from_levels(levels: &[MemoryLevel], cpu_limit: Option<f64>, processors: Option<f64>) -> Self {
        let is_hard = |it: &&MemoryLevel| it.kind != LimitKind::Throttle;
        // A limit above the machine's memory has no effect.
        let tightest = levels.iter().filter(is_hard).min_by_key(|it| it.limit_bytes);
        let nearest = MemoryLevel::nearest(levels);
        Self {
            memory_bytes: tightest.map(|it| it.limit_bytes),
            is_memory_limited: tightest
                .is_some_and(|it| !matches!(it.kind, LimitKind::Machine | LimitKind::Commit)),
            headroom_bytes: nearest.map(MemoryLevel::headroom_bytes),
            nearest: nearest.map(|it| it.kind),
            cpus: [cpu_limit, processors].into_iter().flatten().min_by(f64::total_cmp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_processors() {
        let limits = limits();
        assert!(limits.cpus.unwrap() > 0.0);
        assert!(limits.memory_bytes.unwrap() > 1 << 20);
        assert!(limits.headroom_bytes.unwrap() <= limits.memory_bytes.unwrap());
    }

    #[test]
    fn the_tightest_quota_counts() {
        assert_eq!(Limits::from_levels(&[], Some(0.5), Some(4.0)).cpus, Some(0.5));
        assert_eq!(Limits::from_levels(&[], None, Some(4.0)).cpus, Some(4.0));
        assert_eq!(Limits::from_levels(&[], None, None), Limits::default());
    }
}
