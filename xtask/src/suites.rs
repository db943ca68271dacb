//! `cargo xtask suites NAME`: what takes long by nature. Each has a short true form in the tests.

mod advice;
mod crates;
mod leak_corpus;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// What can be run.
#[derive(clap::Subcommand)]
pub enum Suite {
    /// Run the leak corpus again and again, on an idle and on a busy machine, and say what the leak harness found; half an hour.
    LeakCorpus(leak_corpus::Options),
    /// Run the tests of published crates under the leak harness; half an hour.
    Crates(crates::Options),
    /// Judge what `highwater advise` says of published programs, which are built and run here; some minutes.
    Advice(advice::Options),
}

/// Runs one.
///
/// # Errors
/// When it cannot be run, or does not hold.
pub fn run(workspace: &Workspace, suite: &Suite) -> Result<(), Failure> {
    match suite {
        Suite::LeakCorpus(options) => leak_corpus::run(workspace, options),
        Suite::Crates(options) => crates::run(workspace, options),
        Suite::Advice(options) => advice::run(workspace, options),
    }
}
