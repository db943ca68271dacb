//! Builds the parts of a trap that cargo does not build.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{build_library, build_program, succeed};

/// A directory for a test's builds, kept between runs.
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

/// Builds the program `trap_abort` with `panic = "abort"` and additional compiler options, and returns its
/// path.
pub fn aborting_program(options: &[&str]) -> PathBuf {
    let directory = directory("panic-abort");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--package", "highwater-tests", "--bin", "trap_abort", "--no-default-features"]);
    cargo.args(["--config", "profile.dev.panic='abort'", "--target-dir"]).arg(&directory);
    succeed(cargo.arg("--").args(options));
    directory.join("debug/trap_abort")
}

/// Builds the program `trap_shared_std` with a shared standard library, and returns its path. Its
/// dependencies are built already.
pub fn program_with_shared_std() -> PathBuf {
    build_program("trap_shared_std", &["-C", "prefer-dynamic"])
}

/// The directory of the shared standard library.
pub fn libraries_of_rust() -> PathBuf {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    PathBuf::from(succeed(rustc.args(["--print", "target-libdir"])).trim())
}
