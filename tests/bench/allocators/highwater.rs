//! Highwater around the system's allocator. `HIGHWATER` in the environment makes it exact or switches it off.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::Tool;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() -> ExitCode {
    highwater_bench::main(Tool::HIGHWATER)
}
