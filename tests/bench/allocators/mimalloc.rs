//! mimalloc without a wrapper: the crate of mimalloc-pprof without its profiler, so that only mimalloc is
//! left.
//!
//! The `mimalloc` crate cannot be in the same workspace: both link a library of that name.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc_pprof::MiMalloc;

#[global_allocator]
static ALLOC: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    highwater_bench::main(highwater_bench::Tool::SILENT)
}
