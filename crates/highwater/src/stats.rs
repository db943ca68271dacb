//! The exact totals of the process.

use crate::cgroup;

/// Totals of the process, exact with any sampling interval, and the kernel's figures for the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Blocks allocated since the process started. A `realloc` counts as one freed and one allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated since the process started, in the sizes that the program requested.
    pub alloc_bytes: u64,
    /// Blocks freed since the process started.
    pub freed_blocks: u64,
    /// Bytes freed since the process started.
    pub freed_bytes: u64,
    /// Blocks allocated and not yet freed.
    pub live_blocks: u64,
    /// Bytes allocated and not yet freed.
    pub live_bytes: u64,
    /// Highest number of live bytes so far. Each thread may put it off by what it holds back: at most 64 KiB
    /// up or down, in every mode (`highwater_recorder::Counts::HELD_BACK_BYTES`). In exact mode it is exact
    /// if one thread alone allocates.
    pub peak_bytes: u64,
    /// Bytes of Highwater's own memory, which the numbers above do not include.
    pub overhead_bytes: u64,
    /// Resident set of the process in bytes; `None` if the system does not say.
    pub rss_bytes: Option<u64>,
    /// Bytes that the kernel charges to the process's cgroup; `None` outside of one.
    pub cgroup_used_bytes: Option<u64>,
    /// Limit in bytes of the cgroup, or of one above it; `None` if there is no limit.
    pub cgroup_limit_bytes: Option<u64>,
}

/// The present totals. All are zero as long as [`Alloc`](crate::Alloc) is not in use, except for the kernel's
/// figures.
pub fn stats() -> Stats {
    // Counted before the kernel is asked, which takes a while.
    let counts = highwater_recorder::counts();
    let (rss_bytes, (cgroup_used_bytes, cgroup_limit_bytes)) =
        highwater_recorder::own_memory(|| (cgroup::resident_bytes(), cgroup::used_and_limit()));
    Stats {
        alloc_blocks: counts.alloc_blocks,
        alloc_bytes: counts.alloc_bytes,
        freed_blocks: counts.freed_blocks,
        freed_bytes: counts.freed_bytes,
        live_blocks: counts.live_blocks(),
        live_bytes: counts.live_bytes(),
        peak_bytes: counts.peak_bytes,
        overhead_bytes: counts.overhead_bytes,
        rss_bytes,
        cgroup_used_bytes,
        cgroup_limit_bytes,
    }
}
