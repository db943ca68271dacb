//! The workloads of the contestants. Their code is in `tests/bench/src/workload`.

/// A workload, as the tables describe it.
#[derive(Debug)]
pub struct Workload {
    /// The name on the programs' command line.
    pub name: &'static str,
    /// The meaning of one operation.
    pub operation: &'static str,
    /// Number of operations in the run that compares totals and resident memory.
    pub operations: u64,
    /// Whether two runs allocate exactly the same bytes. If not, exact totals cannot be compared for
    /// equality.
    pub repeatable: bool,
}

/// All workloads, in the order of the runs.
pub const ALL: &[Workload] = &[
    Workload {
        name: "pair",
        operation: "a block of 64 bytes allocated and freed",
        operations: 2_000_000,
        repeatable: true,
    },
    Workload {
        name: "mix",
        operation: "one of 10,000 live blocks of 16 B to 16 KiB replaced",
        operations: 1_000_000,
        repeatable: true,
    },
    Workload {
        name: "deep-mix",
        operation: "the mix below 60 stack frames",
        operations: 500_000,
        repeatable: true,
    },
    Workload {
        name: "shared-mix",
        operation: "the mix on 2 threads, every second block freed by the other one; time over both",
        operations: 1_000_000,
        repeatable: true,
    },
    Workload {
        name: "json",
        operation: "10 MB of JSON parsed into a tree and dropped",
        operations: 3,
        repeatable: true,
    },
    Workload {
        name: "btree",
        operation: "an entry with a string put into a map of 100,000, another taken out",
        operations: 300_000,
        repeatable: true,
    },
    Workload {
        name: "syn",
        operation: "the sources of the crate syn parsed by itself, and dropped",
        operations: 3,
        repeatable: true,
    },
    Workload {
        name: "requests",
        operation: "one request over loopback to an asynchronous service, 8 connections, 1 thread",
        operations: 10_000,
        // The kernel decides how much a read returns.
        repeatable: false,
    },
];
