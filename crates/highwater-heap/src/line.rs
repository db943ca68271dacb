//! A line of the ledger: a part of the resident set, where its number comes from, and how far it may be off.

/// What a part of the resident set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Live blocks of the program, in the sizes that it requested.
    Live,
    /// What the allocator adds to live blocks: headers, and the rest of a size class.
    Rounding,
    /// Free memory on pages that live blocks keep.
    Held,
    /// Freed blocks that the allocator's threads keep for themselves.
    Cached,
    /// Free memory on pages without a live block.
    Free,
    /// The allocator's own tables.
    Tables,
    /// Blocks of the allocator that no Rust code asked for through Highwater, such as blocks of C libraries.
    Foreign,
    /// Highwater's own memory.
    Overhead,
    /// Stacks of threads.
    Stacks,
    /// The program and its libraries: code, constants, variables.
    Program,
    /// Other files that are mapped.
    Files,
    /// Memory that processes share: tmpfs, memfd, System V.
    Shared,
    /// Anonymous mappings that do not belong to an allocator that is understood.
    Anonymous,
    /// Pages of the kernel in the process's address space.
    Kernel,
    /// What no other line explains.
    Unnamed,
}

impl Kind {
    /// Every kind, in the order of the ledger.
    pub const ALL: [Self; 15] = [
        Self::Live,
        Self::Rounding,
        Self::Held,
        Self::Cached,
        Self::Free,
        Self::Tables,
        Self::Foreign,
        Self::Overhead,
        Self::Stacks,
        Self::Program,
        Self::Files,
        Self::Shared,
        Self::Anonymous,
        Self::Kernel,
        Self::Unnamed,
    ];

    /// One word for programs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Rounding => "rounding",
            Self::Held => "held",
            Self::Cached => "cached",
            Self::Free => "free",
            Self::Tables => "tables",
            Self::Foreign => "foreign",
            Self::Overhead => "overhead",
            Self::Stacks => "stacks",
            Self::Program => "program",
            Self::Files => "files",
            Self::Shared => "shared",
            Self::Anonymous => "anonymous",
            Self::Kernel => "kernel",
            Self::Unnamed => "unnamed",
        }
    }

    /// A few words for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Live => "requested and alive",
            Self::Rounding => "rounding and headers of blocks",
            Self::Held => "empty space beside live blocks",
            Self::Cached => "freed, in caches of threads",
            Self::Free => "freed, no live block on the page",
            Self::Tables => "allocator's tables",
            Self::Foreign => "blocks of other code",
            Self::Overhead => "Highwater's own",
            Self::Stacks => "stacks",
            Self::Program => "program and libraries",
            Self::Files => "mapped files",
            Self::Shared => "shared memory and tmpfs",
            Self::Anonymous => "other anonymous mappings",
            Self::Kernel => "kernel's pages",
            Self::Unnamed => "not named",
        }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Which one: a file, threads by their name, a mapping; empty where the kind says all.
    pub name: String,
    /// Resident bytes. All lines add up to the resident set.
    pub resident_bytes: u64,
    /// Bytes that were swapped out, beside the resident ones.
    pub swapped_bytes: u64,
    /// Half the width of the 95 % interval of [`Self::resident_bytes`]; 0 where they were counted.
    pub margin_bytes: u64,
    /// Where the number comes from.
    pub source: &'static str,
}

impl Line {
    /// A line that was counted.
    pub(crate) fn counted(
        kind: Kind,
        name: impl Into<String>,
        resident_bytes: u64,
        source: &'static str,
    ) -> Self {
        Self { kind, name: name.into(), resident_bytes, swapped_bytes: 0, margin_bytes: 0, source }
    }

    pub(crate) fn swapped(self, swapped_bytes: u64) -> Self {
        Self { swapped_bytes, ..self }
    }

    pub(crate) fn within(self, margin_bytes: u64) -> Self {
        Self { margin_bytes, ..self }
    }
}
