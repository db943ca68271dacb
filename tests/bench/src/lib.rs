//! The common parts of all programs of `cargo xtask bench`: the workloads, the clock, and the two wrappers
//! that are not profilers (one does nothing, one counts).
//!
//! There is one program for each allocator, because a process has one global allocator. Each file of
//! `allocators/` installs one and calls [`main`]. A program runs one workload for a time or for a number of
//! operations, and prints one line of JSON. `cargo xtask bench` starts the programs in turns and compares
//! them.

mod arguments;
mod counted;
mod estimate;
mod failure;
mod measure;
mod noop;
mod output;
mod random;
mod tool;
mod totals;
mod work;
mod workload;

use std::mem;
use std::process::ExitCode;

pub use counted::Counted;
pub use estimate::Estimate;
pub use failure::Failure;
pub use noop::Noop;
pub use tool::Tool;
pub use totals::Totals;

use crate::arguments::{Arguments, Length};
use crate::output::Output;

/// Runs the workload of the command line, and prints its time and the report of `tool`.
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
            // The workload still holds its blocks, so that there are live totals.
            let whole = (tool.counted)();
            let estimate = (tool.estimate)();
            let during = before.zip(whole).map(|(before, whole)| whole.since(before));
            let own = workload.own();
            // A tool that writes its profile at exit must also find the blocks live.
            mem::forget(workload);
            Ok(Output { slices_ns: Vec::new(), own, during, whole, estimate })
        }
    }
}
