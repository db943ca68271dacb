//! A wrapper that does nothing around the system's allocator: the minimum cost of any wrapper, and the
//! reference for the others over this allocator.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

use highwater_bench::{Noop, Tool};

#[global_allocator]
static ALLOC: Noop<System> = Noop(System);

fn main() -> ExitCode {
    highwater_bench::main(Tool::SILENT)
}
