//! `cargo xtask test`: every test of the workspace, with the outside programs they need.

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// Runs the tests of every target and the documentation's examples.
///
/// Cargo has no single option for both: `--all-targets` leaves the documentation out. What is behind a feature that
/// nothing else asks for is tested with it. All parts run even if the
/// first fails, so that one run shows all that is broken.
///
/// # Errors
/// When an outside program cannot be had or a test fails.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    clients::ensure(workspace)?;
    let cargo = |targets: &str| {
        Line::cargo(&workspace.root).args(["test", "--workspace", "--no-fail-fast", targets]).run()
    };
    let targets = cargo("--all-targets");
    let documentation = cargo("--doc");
    let features = Line::cargo(&workspace.root)
        .args(["test", "--package", "highwater", "--features", "criterion", "--lib"])
        .run();
    let models = models(workspace);
    targets.and(documentation).and(features).and(models)
}

/// Runs the recorder's lock-free parts through every interleaving of small models. They are a build of their own, in
/// a directory of their own: other atomics take the place of the processor's.
fn models(workspace: &Workspace) -> Result<(), Failure> {
    let directory = workspace.target.join("loom");
    Line::cargo(&workspace.root)
        .env("RUSTFLAGS", "--cfg loom")
        .args(["test", "--package", "highwater-runtime", "--lib", "--release", "models", "--target-dir"])
        .args([directory])
        .run()
}
