//! pprof-alloc: a sampling wrapper at 512 KiB around the system's allocator, with its exact counters on.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::{Estimate, Tool, Totals};
use pprof_alloc::PprofAlloc;

#[global_allocator]
static ALLOC: PprofAlloc = PprofAlloc::new().with_pprof().with_stats();

fn totals() -> Option<Totals> {
    let stats = pprof_alloc::allocation_stats();
    Some(Totals {
        alloc_blocks: stats.allocations as i64,
        alloc_bytes: stats.allocated as i64,
        live_blocks: stats.in_use_allocations() as i64,
        live_bytes: stats.in_use_bytes() as i64,
    })
}

fn main() -> ExitCode {
    let estimate = || pprof_alloc::generate_pprof().ok().and_then(|file| Estimate::of_file(&file));
    highwater_bench::main(Tool { counted: totals, estimate })
}
