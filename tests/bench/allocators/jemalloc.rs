//! jemalloc without a wrapper, built without its profiler.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    highwater_bench::main(highwater_bench::Tool::SILENT)
}
