//! mimalloc-pprof: mimalloc with a sampling profiler inside, at its default of 512 KiB.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use highwater_bench::{Estimate, Tool};
use mimalloc_pprof::{MiMalloc, options, prof};

#[global_allocator]
static ALLOC: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Cumulative totals are optional here; the comparison is between tools that keep them.
    options::enable(options::Opt::PROF_ACCUM);
    if !prof::start(0) {
        eprintln!("mimalloc-pprof did not start its profiler");
        return ExitCode::FAILURE;
    }
    let estimate = || Estimate::of_file(&prof::dump_proto_to_vec());
    highwater_bench::main(Tool { estimate, ..Tool::SILENT })
}
