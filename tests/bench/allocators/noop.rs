//! A wrapper that does nothing around the system's allocator: what any wrapper costs before it does anything, and
//! what the others over this allocator are compared with.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

use highwater_bench::{Noop, Tool};

#[global_allocator]
static ALLOC: Noop<System> = Noop(System);

fn main() -> ExitCode {
    highwater_bench::main(Tool::SILENT)
}
