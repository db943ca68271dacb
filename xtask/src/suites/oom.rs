//! `cargo xtask suites oom`: services that are killed for lack of memory, again and again.

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that a service is driven into its limit.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// Runs the agent's tests of killed services with more repetitions than `cargo xtask test` has time for.
///
/// # Errors
/// When a service leaves no evidence once.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root)
        .env("HIGHWATER_OOM_RUNS", options.runs.to_string())
        .args(["test", "--package", "highwater-tests", "--test", "agent", "oom::", "--", "--nocapture"])
        .run()
}
