//! Why a command ended without doing what it was asked.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// The reasons a project command fails, each with what to do next where that is not plain.
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
        /// What the system said.
        source: io::Error,
    },
    /// A program ran and reported failure.
    #[error("`{command}` failed ({status})")]
    Exit {
        /// The command line, as a user would type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program printed something that is not what its caller asked for.
    #[error("`{command}` printed something unexpected: {what}")]
    Output {
        /// The command line, as a user would type it.
        command: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file or directory could not be read, written or made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `tidy` has findings; they are printed already.
    #[error("tidy: {0} to put right")]
    Findings(usize),
    /// A program from outside the project is missing and cannot be installed.
    #[error("{0}")]
    Client(String),
    /// A golden cannot be made as asked.
    #[error("bless: {0}")]
    Golden(String),
    /// The demo ran but did not show what it promises.
    #[error("the demo does not hold: {0}")]
    Demo(String),
    /// The benchmark cannot be run as asked, or found totals that are not true.
    #[error("bench: {0}")]
    Bench(String),
    /// Fuzzing found something, or cannot find anything.
    #[error("fuzz: {0}")]
    Fuzz(String),
    /// The leak corpus cannot be run, or the leak harness misses its targets on it.
    #[error("suites leak-corpus: {0}")]
    Corpus(String),
    /// The suites of published crates cannot be run, or something in them has not been examined.
    #[error("suites crates: {0}")]
    Suites(String),
    /// The advice on published programs cannot be had, or something in it has not been examined.
    #[error("suites advice: {0}")]
    Advice(String),
    /// A step of `ci` failed; the reason is printed already.
    #[error("ci stopped at `{0}`")]
    Step(&'static str),
}
