//! What the contestants run. The workloads themselves are in `tests/bench/src/workload`.

/// One workload, as the tables speak of it.
#[derive(Debug)]
pub struct Workload {
    /// Its name on the programs' command line.
    pub name: &'static str,
    /// What one operation is.
    pub operation: &'static str,
    /// Operations of the run in which totals and resident memory are compared.
    pub operations: u64,
    /// Whether two runs of it allocate the same to the byte. If not, exact totals cannot be compared by equality.
    pub repeatable: bool,
}

/// All of them, in the order in which they run.
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
        // How much is read at once is the kernel's affair.
        repeatable: false,
    },
];
