//! `cargo xtask suites NAME`: suites that take long. The tests contain a short form of each.

mod advice;
mod crates;
mod leak_corpus;
mod native;
mod oom;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// The suites.
#[derive(clap::Subcommand)]
pub enum Suite {
    /// Run the leak corpus repeatedly, on an idle and on a busy machine, and print what the leak harness
    /// found; takes half an hour.
    LeakCorpus(leak_corpus::Options),
    /// Run the tests of published crates under the leak harness; takes an hour.
    Crates(crates::Options),
    /// Check the advice of `highwater advise` on published programs, which are built and run here; takes some
    /// minutes.
    Advice(advice::Options),
    /// Drive services into their memory limit repeatedly, and check the files that they leave; takes a
    /// minute.
    Oom(oom::Options),
    /// Run programs of the distribution with and without the recorder, compare what they print and how they
    /// end, and count with valgrind; takes minutes.
    Native(native::Options),
}

/// Runs a suite.
///
/// # Errors
/// When it cannot be run, or its goals are missed.
pub fn run(workspace: &Workspace, suite: &Suite) -> Result<(), Failure> {
    match suite {
        Suite::LeakCorpus(options) => leak_corpus::run(workspace, options),
        Suite::Crates(options) => crates::run(workspace, options),
        Suite::Advice(options) => advice::run(workspace, options),
        Suite::Oom(options) => oom::run(workspace, options),
        Suite::Native(options) => native::run(workspace, options),
    }
}
