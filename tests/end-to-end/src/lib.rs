//! Tests that need a process of their own, or another tool's reader.
//!
//! `tests/programs/` contains the profiled programs, and `tests/end-to-end/tests/` the tests that run them.
//! This library contains what the tests share: finding and running programs ([`run_with_timeout`] for
//! programs that may hang), comparing a program's records with its own counts ([`truth`]), Go's tools
//! ([`go`]), pages in a browser ([`chromium`]), screens in a terminal ([`terminal`]), and a real program with
//! faults ([`codeindex`]).
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

/// The `highwater` command, built with the same profile as the calling test.
///
/// # Panics
/// When it does not build.
pub fn highwater() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("highwater-cli", "--bin", "highwater", !cfg!(debug_assertions)))
}

/// The `highwater` command with the library beside it that `highwater run` preloads.
///
/// # Panics
/// When the library does not build.
pub fn highwater_with_library() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let highwater = highwater();
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--package", "highwater-preload", "--target-dir"]).arg(target_directory());
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        succeed(&mut cargo);
        highwater.to_owned()
    })
}

/// Builds a binary or an example (depending on `option`) of another package of the workspace, and returns its
/// path. Cargo sets `CARGO_BIN_EXE_*` only for binaries of the test's own package.
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

/// Builds an example that is a shared library, and returns its path.
///
/// # Panics
/// When it does not build.
pub fn build_library_example(package: &str, example: &str) -> PathBuf {
    build_example(package, example, &[]).with_file_name(format!("lib{example}.so"))
}

/// Builds an example with additional compiler options, and returns the program's path.
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

/// The target directory: a test's path is `<target directory>/<profile>/deps/<test>`.
fn target_directory() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("a test lies three directories deep in the target directory");
    target.to_owned()
}

/// The root of the repository.
///
/// # Panics
/// When this package is less than two directories deep.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies in tests/end-to-end")
}

/// Builds the single file `tests/programs/<source>.rs` as a shared library at `path`, with additional
/// compiler options.
///
/// # Panics
/// When it does not build.
pub fn build_library(source: &str, path: &Path, options: &[&str]) {
    let file = repository().join("tests/programs").join(source).with_extension("rs");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", source]).args(options);
    succeed(rustc.arg(file).arg("-o").arg(path));
}

/// Runs a command that must succeed, and returns its output.
///
/// # Panics
/// When the program is missing or fails; the message contains its output.
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
