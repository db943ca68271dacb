//! Tests that need a process of their own or another tool's reader.
//!
//! `tests/programs/` holds the programs that are watched, `tests/end-to-end/tests/` the tests that run them. This library is what the tests
//! share: finding and running programs ([`run_with_timeout`] for those that may hang), and comparing what such a program
//! recorded with what it says it did ([`truth`]), asking Go's tools ([`go`]), pages in a browser ([`chromium`]), screens in
//! a terminal ([`terminal`]), and a real program with faults ([`codeindex`]).
#![forbid(unsafe_code)]

pub mod chromium;
pub mod codeindex;
pub mod go;
pub mod terminal;
mod timeout;
pub mod truth;

pub use timeout::{Failure, run_with_timeout};

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The `highwater` command, built with the profile that the calling test was built with.
///
/// # Panics
/// When it does not build.
pub fn highwater() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("highwater-cli", "--bin", "highwater", !cfg!(debug_assertions)))
}

/// Builds a binary or an example (as `option` says) of another package of the workspace and returns where it is. Cargo sets
/// `CARGO_BIN_EXE_*` for the binaries of the test's own package only.
fn build(package: &str, option: &str, binary: &str, release: bool) -> PathBuf {
    let target = target_directory();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--package", package, option, binary, "--message-format", "json"]);
    cargo.arg("--target-dir").arg(target);
    if release {
        cargo.arg("--release");
    }
    succeed(&mut cargo)
        .lines()
        .filter_map(|message| serde_json::from_str::<serde_json::Value>(message).ok())
        .filter(|message| message["target"]["name"] == binary)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .unwrap_or_else(|| panic!("cargo built {package} but told no path of {binary}"))
}

/// Builds an example of a package that is a shared library, and returns where that is.
///
/// # Panics
/// When it does not build.
pub fn build_library_example(package: &str, example: &str) -> PathBuf {
    build_example(package, example, &[]).with_file_name(format!("lib{example}.so"))
}

/// Builds an example of a package with further options for the compiler, and returns where the program is.
///
/// # Panics
/// When it does not build.
pub fn build_example(package: &str, example: &str, options: &[&str]) -> PathBuf {
    let target = target_directory();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--package", package, "--example", example, "--target-dir"]).arg(&target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    succeed(cargo.arg("--").args(options));
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    target.join(profile).join("examples").join(example)
}

/// The directory that everything is built into: a test runs as `<target directory>/<profile>/deps/<test>`.
fn target_directory() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("a test lies three directories deep in the target directory");
    target.to_owned()
}

/// The top of the repository.
///
/// # Panics
/// When this package lies less than two directories deep.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies in tests/end-to-end")
}

/// Builds the one file `tests/programs/<source>.rs` as a shared library at `path`, with further options for the compiler.
///
/// # Panics
/// When it does not build.
pub fn build_library(source: &str, path: &Path, options: &[&str]) {
    let file = repository().join("tests/programs").join(source).with_extension("rs");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", source]).args(options);
    succeed(rustc.arg(file).arg("-o").arg(path));
}

/// Runs a command that has to succeed, and returns what it printed.
///
/// # Panics
/// When the program is missing or fails, with all that is known about it.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "{} is missing, and this test cannot do without it; `cargo xtask test` installs what the tests need",
            command.get_program().display()
        ),
        Err(error) => panic!("{command:?}: {error}"),
    }
}
