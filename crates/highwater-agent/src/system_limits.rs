//! What this process may use, as its container, its own limits or the machine say.

use std::num::NonZero;
use std::thread::available_parallelism;

use highwater::{LimitKind, MemoryLevel};
use highwater_recorder::own_memory;

/// What this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory in bytes: the tightest limit of the control groups that the process is in, of the process itself
    /// (`RLIMIT_AS`, `RLIMIT_DATA`), or all of the machine's. Others may use a part of it: see [`Self::headroom_bytes`].
    /// `None` where the system does not say.
    pub memory_bytes: Option<u64>,
    /// Whether [`Self::memory_bytes`] is a limit of a control group or of the process, and not all that the machine has.
    pub is_memory_limited: bool,
    /// Memory in bytes that is left before the kernel kills the process, or gives it no more: at the limit that is nearest.
    pub headroom_bytes: Option<u64>,
    /// What that limit is.
    pub nearest: Option<LimitKind>,
    /// Processor time per time, in processors: the tightest quota of the control groups, or the number of processors that
    /// the process may run on. `None` where the system does not say.
    pub cpus: Option<f64>,
}

/// Reads the limits: of the control groups of version 1 or 2 that the process is in, of those above these, of the process, and
/// of the machine. [`highwater::memory_levels`] has them one by one.
///
/// ```
/// let limits = highwater_agent::limits();
/// let cache_bytes = limits.memory_bytes.map_or(64 << 20, |bytes| bytes / 4);
/// # assert!(cache_bytes > 0);
/// ```
pub fn limits() -> Limits {
    own_memory(|| {
        let processors = available_parallelism().map(NonZero::get).ok().map(|it| it as f64);
        Limits::of(&highwater::memory_levels(), highwater::container().cpu_limit, processors)
    })
}

impl Limits {
    fn of(levels: &[MemoryLevel], cpu_limit: Option<f64>, processors: Option<f64>) -> Self {
        let is_hard = |it: &&MemoryLevel| it.kind != LimitKind::Throttle;
        // A limit above what the machine has limits nothing.
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
        assert_eq!(Limits::of(&[], Some(0.5), Some(4.0)).cpus, Some(0.5));
        assert_eq!(Limits::of(&[], None, Some(4.0)).cpus, Some(4.0));
        assert_eq!(Limits::of(&[], None, None), Limits::default());
    }
}
