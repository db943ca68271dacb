//! dhat: every allocation with up to ten frames of its stack, around the system's allocator.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::{Tool, Totals};

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

fn totals() -> Option<Totals> {
    let stats = dhat::HeapStats::get();
    Some(Totals {
        alloc_blocks: stats.total_blocks as i64,
        alloc_bytes: stats.total_bytes as i64,
        live_blocks: stats.curr_blocks as i64,
        live_bytes: stats.curr_bytes as i64,
    })
}

fn main() -> ExitCode {
    // In testing mode, dhat keeps the same records, but writes no file when it is dropped.
    let _profiler = dhat::Profiler::builder().testing().build();
    highwater_bench::main(Tool { counted: totals, ..Tool::SILENT })
}
