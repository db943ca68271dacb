//! The crates that have code of their own for another processor, built for aarch64. Their assembly is
//! assembled, which `cargo check` leaves out. Nothing is linked or run.

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// With all that they are linked with.
const CRATES: [&str; 2] = ["highwater", "highwater-leaktest"];

/// Builds them, with the standard library that rustup installs. Where that cannot be had, this says so in one
/// line and passes.
///
/// # Errors
/// When they do not build.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let line = Line::new(&workspace.root, "rustup").args(["target", "add", TARGET]);
    if line.quiet().capture().is_err() {
        println!(
            "not checked: rustup cannot install {TARGET} here, for which {} are to build.",
            CRATES.join(" and ")
        );
        return Ok(());
    }
    Line::cargo(&workspace.root)
        .args(["build", "--locked", "--target", TARGET])
        .args(CRATES.iter().flat_map(|it| ["--package", it]))
        .run()
}
