//! Limits on memory, level by level: the use and the limit of each.

/// The kind of a limit on memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// A control group's limit for memory (`memory.max`, in version 1 `memory.limit_in_bytes`), at which the
    /// kernel kills.
    Group,
    /// The limit of a control group of version 1 for memory and swap together
    /// (`memory.memsw.limit_in_bytes`).
    GroupWithSwap,
    /// The use of a control group from which the kernel slows its processes down (`memory.high`). It does not
    /// kill there.
    Throttle,
    /// The process's limit for its address space (`RLIMIT_AS`), at which allocations fail.
    AddressSpace,
    /// The process's limit for private writable memory (`RLIMIT_DATA`), at which allocations fail.
    Data,
    /// The memory of the machine.
    Machine,
    /// The memory that the kernel promises at most, if overcommitting is off (`vm.overcommit_memory=2`).
    Commit,
}

impl LimitKind {
    /// A word for the kind, used in the agent's metrics and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Group => "cgroup",
            Self::GroupWithSwap => "cgroup_swap",
            Self::Throttle => "throttle",
            Self::AddressSpace => "address_space",
            Self::Data => "data",
            Self::Machine => "machine",
            Self::Commit => "commit",
        }
    }
}

/// One of the limits on this process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLevel {
    /// The kind of the limit.
    pub kind: LimitKind,
    /// The control group in the form of `/proc/self/cgroup`, or `RLIMIT_AS`, `RLIMIT_DATA`, `machine` or
    /// `CommitLimit`.
    pub name: String,
    /// Bytes that count against the limit.
    pub used_bytes: u64,
    /// How many of the used bytes are file cache that was not used recently, which the kernel reclaims first;
    /// `None` if it does not say.
    pub inactive_file_bytes: Option<u64>,
    /// The limit in bytes.
    pub limit_bytes: u64,
    /// Bytes that can be swapped out before the kernel kills at this limit.
    pub swap_room_bytes: u64,
    /// Whether the kernel kills all processes of the group together at this limit (`memory.oom.group`).
    pub is_killed_whole: bool,
}

impl MemoryLevel {
    pub(super) fn new(kind: LimitKind, name: String, used_bytes: u64, limit_bytes: u64) -> Self {
        Self {
            kind,
            name,
            used_bytes,
            inactive_file_bytes: None,
            limit_bytes,
            swap_room_bytes: 0,
            is_killed_whole: false,
        }
    }

    /// Bytes that cannot be reclaimed: [`Self::used_bytes`] without [`Self::inactive_file_bytes`].
    pub fn working_set_bytes(&self) -> u64 {
        self.used_bytes.saturating_sub(self.inactive_file_bytes.unwrap_or(0))
    }

    /// Bytes left below the limit, including swap.
    pub fn headroom_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.working_set_bytes()).saturating_add(self.swap_room_bytes)
    }

    /// The level that ends the process: of the levels at which the kernel kills or refuses memory, the one
    /// with the least headroom, and among equals the innermost.
    pub fn nearest(levels: &[Self]) -> Option<&Self> {
        let hard = levels.iter().filter(|it| it.kind != LimitKind::Throttle);
        hard.min_by_key(|it| it.headroom_bytes())
    }

    /// The level that slows the process down first, if there is one.
    pub fn throttle(levels: &[Self]) -> Option<&Self> {
        let soft = levels.iter().filter(|it| it.kind == LimitKind::Throttle);
        soft.min_by_key(|it| it.headroom_bytes())
    }
}
