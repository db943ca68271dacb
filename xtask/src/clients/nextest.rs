//! cargo-nextest, which runs each test in a process of its own: one of the runners for the leak corpus.

use std::path::Path;

use crate::failure::Failure;
use crate::shell::Line;

/// Checks that cargo-nextest is installed, and builds it with cargo if it is missing.
///
/// # Errors
/// When it is missing and cannot be built.
pub(super) fn ensure(root: &Path) -> Result<(), Failure> {
    if Line::cargo(root).args(["nextest", "--version"]).capture().is_ok() {
        return Ok(());
    }
    println!("cargo-nextest is missing here: installing it with cargo.");
    Line::cargo(root).args(["install", "--locked", "cargo-nextest"]).run()
}
