//! Building what a trap needs and cargo does not build for it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{build_example, build_library, succeed};

/// A directory for what a test builds, kept from run to run.
pub fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Builds `programs/trap_library.rs` as a shared library named `name` into `directory`.
pub fn library(directory: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = directory.join(format!("{name}.so"));
    let common = ["-C", "panic=abort", "-C", "opt-level=2", "--check-cfg", "cfg(wide, blind)"];
    build_library("trap_library", &path, &[&common, options].concat());
    path
}

/// Builds the program `trap_abort` with `panic = "abort"` and further options for the compiler, and returns where it is.
pub fn aborting_program(options: &[&str]) -> PathBuf {
    let directory = directory("panic-abort");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--package", "highwater-tests", "--bin", "trap_abort", "--no-default-features"]);
    cargo.args(["--config", "profile.dev.panic='abort'", "--target-dir"]).arg(&directory);
    succeed(cargo.arg("--").args(options));
    directory.join("debug/trap_abort")
}

/// Builds the example `trap_shared_std` with the standard library as a shared one, and returns where it is. What it is
/// linked from is there already.
pub fn program_with_shared_std() -> PathBuf {
    build_example("highwater-tests", "trap_shared_std", &["-C", "prefer-dynamic"])
}

/// Where the shared standard library is.
pub fn libraries_of_rust() -> PathBuf {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    PathBuf::from(succeed(rustc.args(["--print", "target-libdir"])).trim())
}
