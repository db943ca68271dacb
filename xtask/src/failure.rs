//! The errors of the project's commands.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a project command failed; each text says what to do next if that is not obvious.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Cargo could not describe the workspace.
    #[error("cargo cannot describe the workspace: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// A program could not be started at all.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command line, as a user would type it.
        command: String,
        /// The system's error.
        source: io::Error,
    },
    /// A program ran and reported failure.
    #[error("`{command}` failed ({status})")]
    Exit {
        /// The command line, as a user would type it.
        command: String,
        /// The exit status.
        status: ExitStatus,
    },
    /// A program printed unexpected output.
    #[error("`{command}` printed something unexpected: {what}")]
    Output {
        /// The command line, as a user would type it.
        command: String,
        /// What is wrong with the output.
        what: String,
    },
    /// A file or directory could not be read, written or created.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `tidy` has findings, which are printed already.
    #[error("tidy: {0} findings to correct")]
    Findings(usize),
    /// An outside program is missing and cannot be installed.
    #[error("{0}")]
    Client(String),
    /// A golden cannot be generated as requested.
    #[error("bless: {0}")]
    Golden(String),
    /// The demo ran but did not show the expected result.
    #[error("the demo does not hold: {0}")]
    Demo(String),
    /// The benchmark cannot run as requested, or found wrong totals.
    #[error("bench: {0}")]
    Bench(String),
    /// Fuzzing found a fault, or cannot find the planted one.
    #[error("fuzz: {0}")]
    Fuzz(String),
    /// The leak corpus cannot be run, or the leak harness misses its targets on it.
    #[error("suites leak-corpus: {0}")]
    Corpus(String),
    /// The suites of published crates cannot be run, or a finding has not been examined.
    #[error("suites crates: {0}")]
    Suites(String),
    /// The advice on published programs cannot be had, or something in it has not been examined.
    #[error("suites advice: {0}")]
    Advice(String),
    /// A program behaves otherwise under `highwater run`, or its counts are wrong.
    #[error("suites native: {0}")]
    Native(String),
    /// A step of `ci` failed; the reason is printed already.
    #[error("ci stopped at `{0}`")]
    Step(&'static str),
}
