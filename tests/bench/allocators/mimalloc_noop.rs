//! A wrapper that does nothing around mimalloc: the reference for the others over mimalloc.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::{Noop, Tool};
use mimalloc_pprof::MiMalloc;

#[global_allocator]
static ALLOC: Noop<MiMalloc> = Noop(MiMalloc);

fn main() -> ExitCode {
    highwater_bench::main(Tool::SILENT)
}
