//! What every program of `cargo xtask bench` has in common: the workloads, the clock, and the two wrappers that no
//! profiler is (one does nothing, one counts).
//!
//! There is one program for each allocator, because a process has one global allocator; each file of `allocators/`
//! installs one and calls [`main`]. A program runs one workload for a time or for a number of operations and prints
//! one line of JSON. `cargo xtask bench` starts them in turns and does the comparing.

mod arguments;
mod counted;
mod estimate;
mod measure;
mod noop;
mod output;
mod random;
mod tool;
mod totals;
mod workload;

use std::mem;
use std::process::ExitCode;

pub use counted::Counted;
pub use estimate::Estimate;
pub use noop::Noop;
pub use tool::Tool;
pub use totals::Totals;

use crate::arguments::{Arguments, Length};
use crate::output::Output;

/// Why a program of the benchmark printed no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line cannot be understood.
    #[error("{0}\nusage: <program> <workload> (--millis <n> | --operations <n>) [--sources <directory>]")]
    Usage(String),
    /// The sources to be parsed, or the loopback network, are not there.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The workload's own input is faulty.
    #[error("the workload's input cannot be parsed: {0}")]
    Input(String),
}

/// Runs the workload that the command line names, and prints what it took and what `tool` reports of it.
pub fn main(tool: Tool) -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments, &tool)) {
        Ok(output) => {
            println!("{output}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, tool: &Tool) -> Result<Output, Failure> {
    let mut workload = workload::named(&arguments.workload, arguments.sources.as_deref())?;
    match arguments.length {
        Length::Time(budget) => {
            let slices_ns = measure::timed(workload.as_mut(), budget)?;
            Ok(Output { slices_ns, ..Output::default() })
        }
        Length::Operations(operations) => {
            let before = (tool.counted)();
            workload.run(operations)?;
            // While the workload still holds its blocks, so that live totals have something to tell.
            let whole = (tool.counted)();
            let estimate = (tool.estimate)();
            let during = before.zip(whole).map(|(before, whole)| whole.since(before));
            let own = workload.own();
            // A tool that writes its profile at exit is to find the blocks live as well.
            mem::forget(workload);
            Ok(Output { slices_ns: Vec::new(), own, during, whole, estimate })
        }
    }
}
