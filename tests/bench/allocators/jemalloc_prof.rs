//! jemalloc with its own profiler compiled in. The benchmark switches the profiler on with
//! `_RJEM_MALLOC_CONF`, at 512 KiB, and makes it write its profile at exit.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    highwater_bench::main(highwater_bench::Tool::SILENT)
}
