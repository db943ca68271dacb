//! Control groups, and the limits that each sets.

use std::path::{Path, PathBuf};

use super::level::{LimitKind, MemoryLevel};
use super::system::System;

/// Version 1 reports "no limit" as the largest multiple of the page size. That number depends on the page
/// size, and no machine has half as much memory.
const NO_LIMIT_V1: u64 = 1 << 62;

/// A control group to which this process's memory is charged.
#[derive(Debug)]
pub(super) struct Group {
    folder: PathBuf,
    name: String,
    is_v1: bool,
    pub used_bytes: u64,
    pub inactive_file_bytes: Option<u64>,
    pub limit_hits: Option<u64>,
    pub oom_kills: Option<u64>,
    is_killed_whole: bool,
    /// The content of `memory.stat`.
    stat: String,
}

impl Group {
    /// `None` if the kernel does not count the memory of this group but of one above it. Only groups with the
    /// controller have its files, and in version 2 the root group has none.
    pub(super) fn read(system: &System, folder: &Path, name: String, is_v1: bool) -> Option<Self> {
        let file = |v1, v2| folder.join(if is_v1 { v1 } else { v2 });
        let used_bytes = system.number(file("memory.usage_in_bytes", "memory.current"))?;
        let stat = system.read(folder.join("memory.stat")).unwrap_or_default();
        // In version 2, all values include the groups below; in version 1, those that begin with `total_` do.
        let inactive = if is_v1 { pair(&stat, "total_inactive_file") } else { None };
        let events = system.read(file("memory.oom_control", "memory.events")).unwrap_or_default();
        let own_hits = if is_v1 {
            system.number(folder.join("memory.failcnt"))
        } else {
            // The counts of this group alone, since Linux 5.2; the other file includes all groups below.
            let local = system.read(folder.join("memory.events.local"));
            pair(local.as_deref().unwrap_or(&events), "max")
        };
        Some(Self {
            name,
            is_v1,
            used_bytes,
            inactive_file_bytes: inactive.or_else(|| pair(&stat, "inactive_file")),
            limit_hits: own_hits,
            oom_kills: pair(&events, "oom_kill"),
            is_killed_whole: !is_v1 && system.number(folder.join("memory.oom.group")) == Some(1),
            stat,
            folder: folder.to_owned(),
        })
    }

    /// The total after `some` or `full` in `memory.pressure`, converted from microseconds to nanoseconds.
    pub(super) fn pressure_ns(&self, system: &System, kind: &str) -> Option<u64> {
        let content = system.read(self.folder.join("memory.pressure"))?;
        let line = content.lines().find(|line| line.split(' ').next() == Some(kind))?;
        let total = line.split(' ').find_map(|word| word.strip_prefix("total="))?;
        total.parse::<u64>().ok()?.checked_mul(1_000)
    }

    fn level(&self, kind: LimitKind, limit_bytes: u64) -> MemoryLevel {
        MemoryLevel {
            inactive_file_bytes: self.inactive_file_bytes,
            ..MemoryLevel::new(kind, self.name.clone(), self.used_bytes, limit_bytes)
        }
    }

    /// Bytes that this group may still swap out; `None` if there is no limit.
    /// <https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files>
    fn swap_room_bytes(&self, system: &System) -> Option<u64> {
        let number = |name: &str| system.number(self.folder.join(name));
        if self.is_v1 {
            // The limit for memory and swap together is a level of its own.
            return (number("memory.swappiness") == Some(0)).then_some(0);
        }
        let headroom =
            |max: &str, current: &str| Some(number(max)?.saturating_sub(number(current).unwrap_or(0)));
        let swap = headroom("memory.swap.max", "memory.swap.current");
        // If zswap may not write back, pages stay in its pool, and nothing more is swapped out when the pool
        // is full.
        let keeps_in_pool = number("memory.zswap.writeback") == Some(0);
        let pool = keeps_in_pool.then(|| headroom("memory.zswap.max", "memory.zswap.current")).flatten();
        [swap, pool].into_iter().flatten().min()
    }
}

/// The levels of these groups, innermost first.
pub(super) fn of_groups(groups: &[Group], system: &System) -> Vec<MemoryLevel> {
    let Some(innermost) = groups.first() else { return Vec::new() };
    let rooms = groups.iter().filter_map(|it| it.swap_room_bytes(system));
    let swap_room_bytes = rooms.chain([system.free_swap_bytes()]).min().unwrap_or(0);
    let mut is_killed_whole = false;
    let mut levels = Vec::new();
    for group in groups {
        is_killed_whole |= group.is_killed_whole;
        let number = |name: &str| system.number(group.folder.join(name));
        let is_limit = |it: &u64| !group.is_v1 || *it < NO_LIMIT_V1;
        let file = if group.is_v1 { "memory.limit_in_bytes" } else { "memory.max" };
        if let Some(limit) = number(file).filter(is_limit) {
            let level = group.level(LimitKind::Group, limit);
            levels.push(MemoryLevel { swap_room_bytes, is_killed_whole, ..level });
        }
        let with_swap = number("memory.memsw.limit_in_bytes").filter(|it| group.is_v1 && is_limit(it));
        if let (Some(limit), Some(used_bytes)) = (with_swap, number("memory.memsw.usage_in_bytes")) {
            let level = group.level(LimitKind::GroupWithSwap, limit);
            levels.push(MemoryLevel { used_bytes, is_killed_whole, ..level });
        }
        if let Some(limit) = number("memory.high").filter(|_| !group.is_v1) {
            levels.push(group.level(LimitKind::Throttle, limit));
        }
    }
    if innermost.is_v1 {
        levels.extend(unseen(groups, innermost, &levels, swap_room_bytes));
    }
    levels
}

/// A limit of version 1 above the visible groups, which `memory.stat` mentions. Its use is at least the use
/// of the outermost visible group. <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html#stat-file>
fn unseen(
    groups: &[Group],
    innermost: &Group,
    levels: &[MemoryLevel],
    swap_room_bytes: u64,
) -> Vec<MemoryLevel> {
    let Some(outermost) = groups.last() else { return Vec::new() };
    let kinds = [
        (LimitKind::Group, "hierarchical_memory_limit", swap_room_bytes),
        (LimitKind::GroupWithSwap, "hierarchical_memsw_limit", 0),
    ];
    let level = |(kind, key, swap_room_bytes): (LimitKind, &str, u64)| {
        let limit = pair(&innermost.stat, key).filter(|&it| it < NO_LIMIT_V1)?;
        let is_seen = levels.iter().any(|it| it.kind == kind && it.limit_bytes <= limit);
        let name = format!("{}/..", outermost.name.trim_end_matches('/'));
        let above = MemoryLevel { name, swap_room_bytes, ..outermost.level(kind, limit) };
        (!is_seen).then_some(above)
    };
    kinds.into_iter().filter_map(level).collect()
}

/// The number after `key` in a text with one pair a line.
fn pair(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}
