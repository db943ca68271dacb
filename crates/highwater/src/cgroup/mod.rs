//! Memory and processors according to the kernel: the process's resident set, its control group and the
//! groups above, its own limits, and the machine.

mod group;
mod hierarchy;
mod level;
mod process;
mod system;
#[cfg(test)]
mod trees;

use group::Group;
use hierarchy::Hierarchies;
pub use level::{LimitKind, MemoryLevel};
pub(crate) use process::resident_bytes;
use system::System;

/// The kernel's figures for the control group of a process, which is what a container consists of. A field is
/// `None` outside of a group, and if the kernel does not report it: control groups of version 1 have no
/// pressure.
///
/// Use and limit belong to the same group: of the groups with a limit that contain the process, the one with
/// the least headroom. If no group has a limit, the use belongs to the innermost group whose memory the
/// kernel counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Container {
    /// Bytes charged to the group of use and limit (see above).
    pub memory_used_bytes: Option<u64>,
    /// Limit of the same group in bytes, at which the kernel kills.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes of the group's file cache that were not used recently. They are part of the use, and the kernel
    /// reclaims them before it kills.
    pub inactive_file_bytes: Option<u64>,
    /// Bytes charged to the innermost group, without its inactive files: the use of the process and of the
    /// others in its group.
    pub own_working_set_bytes: Option<u64>,
    /// The limit in bytes at which the kernel slows the process down (`memory.high`), of the group with the
    /// least headroom below it.
    pub throttle_bytes: Option<u64>,
    /// Whether the kernel kills all processes of the group together (`memory.oom.group`).
    pub is_killed_whole: bool,
    /// How often the groups of the process reached their limits.
    pub limit_hits: Option<u64>,
    /// Number of processes of the innermost group that the out-of-memory killer ended.
    pub oom_kills: Option<u64>,
    /// Time in nanoseconds for which at least one task of the innermost group waited for memory.
    pub some_pressure_ns: Option<u64>,
    /// Time in nanoseconds for which all tasks of the innermost group waited for memory.
    pub full_pressure_ns: Option<u64>,
    /// Processor time per time that the group may use, in processors: 1.5 is one and a half. The tightest
    /// limit of the group and of the groups above it.
    pub cpu_limit: Option<f64>,
}

impl Container {
    /// Bytes that cannot be reclaimed without killing: the used bytes without [`Self::inactive_file_bytes`].
    pub fn working_set_bytes(&self) -> Option<u64> {
        Some(self.memory_used_bytes?.saturating_sub(self.inactive_file_bytes.unwrap_or(0)))
    }
}

/// The present figures for this process's container.
pub fn container() -> Container {
    highwater_recorder::own_memory(|| {
        let system = System::here();
        Hierarchies::now(&system, |it| read_container(&system, it))
    })
}

/// All limits on the memory of this process, innermost first: its groups, its own limits, and the machine.
/// [`MemoryLevel::nearest`] is the one that will end the process.
pub fn memory_levels() -> Vec<MemoryLevel> {
    let system = System::here();
    Hierarchies::now(&system, |it| all_levels(&system, it))
}

/// Only use and limit, as in [`Container`].
pub(crate) fn used_and_limit() -> (Option<u64>, Option<u64>) {
    let system = System::here();
    Hierarchies::now(&system, |it| {
        let groups = it.memory.as_ref().map(|it| it.groups(&system)).unwrap_or_default();
        let (used, limit, _) = of_groups(&groups, &group::of_groups(&groups, &system));
        (used, limit)
    })
}

fn all_levels(system: &System, hierarchies: &Hierarchies) -> Vec<MemoryLevel> {
    let groups = hierarchies.memory.as_ref().map(|it| it.groups(system)).unwrap_or_default();
    let mut levels = group::of_groups(&groups, system);
    levels.extend(process::levels(system));
    levels.extend(system.levels());
    levels
}

/// Use, limit and inactive files of the group that is nearest to its limit.
fn of_groups(groups: &[Group], levels: &[MemoryLevel]) -> (Option<u64>, Option<u64>, Option<u64>) {
    match MemoryLevel::nearest(levels) {
        Some(it) => (Some(it.used_bytes), Some(it.limit_bytes), it.inactive_file_bytes),
        None => groups
            .first()
            .map_or((None, None, None), |it| (Some(it.used_bytes), None, it.inactive_file_bytes)),
    }
}

fn read_container(system: &System, hierarchies: &Hierarchies) -> Container {
    let cpu_limit = hierarchies.cpu.as_ref().and_then(|it| it.cpu_limit(system));
    let Some(memory) = &hierarchies.memory else { return Container { cpu_limit, ..Container::default() } };
    let groups = memory.groups(system);
    let levels = group::of_groups(&groups, system);
    let (memory_used_bytes, memory_limit_bytes, inactive_file_bytes) = of_groups(&groups, &levels);
    let is_nearest = |it: &&MemoryLevel| Some(it.limit_bytes) == memory_limit_bytes;
    let innermost = groups.first();
    let hits: Vec<u64> = groups.iter().filter_map(|it| it.limit_hits).collect();
    Container {
        memory_used_bytes,
        memory_limit_bytes,
        inactive_file_bytes,
        own_working_set_bytes: innermost
            .map(|it| it.used_bytes.saturating_sub(it.inactive_file_bytes.unwrap_or(0))),
        throttle_bytes: MemoryLevel::throttle(&levels).map(|it| it.limit_bytes),
        is_killed_whole: levels.iter().find(is_nearest).is_some_and(|it| it.is_killed_whole),
        limit_hits: (!hits.is_empty()).then(|| hits.iter().sum()),
        oom_kills: innermost.and_then(|it| it.oom_kills),
        some_pressure_ns: innermost.and_then(|it| it.pressure_ns(system, "some")),
        full_pressure_ns: innermost.and_then(|it| it.pressure_ns(system, "full")),
        cpu_limit,
    }
}
