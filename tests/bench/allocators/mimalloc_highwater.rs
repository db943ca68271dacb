//! Highwater around mimalloc.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::Tool;
use mimalloc_pprof::MiMalloc;

#[global_allocator]
static ALLOC: highwater::Alloc<MiMalloc> = highwater::Alloc::wrapping(MiMalloc);

fn main() -> ExitCode {
    highwater_bench::main(Tool::HIGHWATER)
}
