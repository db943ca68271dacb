//! Tests that need a process of their own, or another tool's reader.
//!
//! `tests/programs/` contains the profiled programs, and `tests/end-to-end/tests/` the tests that run them.
//! This library contains what the tests share: finding and running programs ([`run_with_timeout`] for
//! programs that may hang), comparing a program's records with its own counts ([`truth`]), Go's tools
//! ([`go`]), pages in a browser ([`chromium`]), screens in a terminal ([`terminal`]), and a real program with
//! faults ([`codeindex`]).
//!
//! Without the feature `support` it is empty, and a program of this package is built in seconds.
#![cfg(feature = "support")]
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
    PATH.get_or_init(|| {
        if cfg!(debug_assertions) {
            build(&["--workspace", "--bin", "highwater", "--example", OPERATIONS], "highwater")
        } else {
            build(&["--release", "--package", "highwater-cli", "--bin", "highwater"], "highwater")
        }
    })
}

/// An example. Cargo chooses features for all that it builds at once: with the whole workspace and an
/// example, as for `cargo test --workspace`. So it takes the dependencies that were built for the tests.
const OPERATIONS: &str = "operations";

/// The example of the crate highwater-criterion.
///
/// # Panics
/// When it does not build.
pub fn operations() -> PathBuf {
    build(&["--workspace", "--example", OPERATIONS], OPERATIONS)
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
        if cfg!(debug_assertions) {
            cargo.args(["build", "--workspace", "--lib", "--example", OPERATIONS]);
        } else {
            cargo.args(["build", "--release", "--package", "highwater-preload"]);
        }
        succeed(cargo.arg("--target-dir").arg(target_directory()));
        highwater.to_owned()
    })
}

/// Builds what these options of `cargo build` select, and returns the path of this binary or example. Cargo
/// sets `CARGO_BIN_EXE_*` only for binaries of the test's own package.
fn build(options: &[&str], binary: &str) -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.arg("build").args(options).args(["--message-format", "json"]);
    cargo.arg("--target-dir").arg(target_directory());
    succeed(&mut cargo)
        .lines()
        .filter_map(|message| serde_json::from_str::<serde_json::Value>(message).ok())
        .filter(|message| message["target"]["name"] == binary)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .unwrap_or_else(|| panic!("cargo built {options:?} but told no path of {binary}"))
}

/// Builds an example of this package that is a shared library, and returns its path.
///
/// # Panics
/// When it does not build.
pub fn build_library_example(example: &str) -> PathBuf {
    let release: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--workspace", "--example", example]).args(release);
    succeed(cargo.arg("--target-dir").arg(target_directory()));
    profile_directory().join("examples").join(format!("lib{example}.so"))
}

/// Builds a program of this package with additional compiler options, and returns its path. Only what the
/// program needs is built with it.
///
/// # Panics
/// When it does not build.
pub fn build_program(program: &str, options: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--package", "highwater-tests", "--no-default-features", "--bin", program]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    succeed(cargo.arg("--target-dir").arg(target_directory()).arg("--").args(options));
    profile_directory().join(program)
}

/// The directory of the built programs.
fn profile_directory() -> PathBuf {
    target_directory().join(if cfg!(debug_assertions) { "debug" } else { "release" })
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
