//! The example program `codeindex`: a real program with faults that can be switched on. A comment marks the
//! line of each fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::{build, highwater, succeed};

/// The directory of its sources.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/highwater/examples/codeindex");

/// The snapshots of a short run with a fault, in a temporary directory.
pub struct Series(TempDir);

impl Series {
    /// Runs the program, optimised because it has much work.
    ///
    /// # Panics
    /// When it does not build or fails.
    pub fn with_fault(fault: &str) -> Self {
        static PATH: OnceLock<PathBuf> = OnceLock::new();
        let path = PATH.get_or_init(|| {
            build(&["--release", "--package", "highwater", "--example", "codeindex"], "codeindex")
        });
        let directory = tempfile::tempdir().expect("a directory");
        let mut program = Command::new(path);
        program.args(["--fault", fault, "--limit-files", "40", "--queries", "1000", "--series"]);
        program.arg(directory.path()).current_dir(SOURCES);
        // A short interval, so that a short run has enough samples.
        succeed(program.env("HIGHWATER", "interval:4KiB"));
        Self(directory)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The snapshots in order of time.
    ///
    /// # Panics
    /// When the directory cannot be read.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).expect("the directory of the series");
        let mut files: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
        files.sort();
        files
    }
}

/// The JSON answer of `highwater … --json` about files, and its exit code.
///
/// # Panics
/// When the output is not JSON.
pub fn ask<P: AsRef<Path>>(arguments: &[&str], files: &[P]) -> (Value, Option<i32>) {
    let mut command = Command::new(highwater());
    command.args(arguments).arg("--json").args(files.iter().map(P::as_ref));
    let output = command.output().expect("the highwater command");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let answer = serde_json::from_slice(&output.stdout);
    (answer.unwrap_or_else(|error| panic!("{command:?}: {error}: {stderr}")), output.status.code())
}

/// Checks that a row or a finding is about the line of the program with this marker comment.
///
/// # Panics
/// When it is about another line.
#[track_caller]
pub fn assert_marked(row: &Value, marker: &str) {
    let position = row["key"]["file"].as_str().zip(row["key"]["line"].as_u64());
    let (file, line) = position.unwrap_or_else(|| panic!("no line in {row:#}"));
    let (_, below) = file.split_once("examples/codeindex/").unwrap_or_else(|| panic!("{row:#}"));
    let text = fs::read_to_string(Path::new(SOURCES).join(below)).expect("a source of the program");
    let source = text.lines().nth(line as usize - 1).unwrap_or_default();
    assert!(source.ends_with(&format!("// {marker}")), "{file}:{line} is `{source}`");
}
