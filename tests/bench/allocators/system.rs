//! The system's allocator, which a program gets by default: the base of every comparison, and the program for
//! preloaded tools (tcmalloc, heaptrack).
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater_bench::main(highwater_bench::Tool::SILENT)
}
