//! Highwater around jemalloc.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::Tool;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: highwater::Alloc<Jemalloc> = highwater::Alloc::wrapping(Jemalloc).aligned();

fn main() -> ExitCode {
    highwater_bench::main(Tool::HIGHWATER)
}
