//! The reference for totals: a wrapper that counts every call around the system's allocator. Its times have
//! no meaning.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

use highwater_bench::{Counted, Tool};

#[global_allocator]
static ALLOC: Counted<System> = Counted::new(System);

fn main() -> ExitCode {
    highwater_bench::main(Tool { counted: || Some(ALLOC.totals()), ..Tool::SILENT })
}
