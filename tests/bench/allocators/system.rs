//! The system's allocator as a program gets it that chooses none: the bare end of every comparison, and the program
//! into which preloaded tools (tcmalloc, heaptrack) are put.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater_bench::main(highwater_bench::Tool::SILENT)
}
