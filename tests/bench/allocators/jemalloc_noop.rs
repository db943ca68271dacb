//! A wrapper that does nothing around jemalloc: the reference for the others over jemalloc.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::{Noop, Tool};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Noop<Jemalloc> = Noop(Jemalloc);

fn main() -> ExitCode {
    highwater_bench::main(Tool::SILENT)
}
