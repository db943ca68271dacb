//! The errors of all commands: one line each, which names the file and says what to do.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use highwater_analyze::{AnalyzeError, SampleKind, SeriesError};
use highwater_profile::file::FileError;
use highwater_profile::{Format, MergeError, Profile, ReadError};
use highwater_report::FlameError;
use highwater_symbol::{Summary, SymbolError};

use crate::input;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{}{}", .0, advice_for_file(.0))]
    File(#[from] FileError),
    #[error("{name}: {source}{}", advice_for_content(.source))]
    Input { name: String, source: Box<ReadError> },
    #[error("{0}; give another one with --binary")]
    Symbol(#[from] SymbolError),
    #[error("{0}")]
    MissingBinaries(String),
    #[error("{0}")]
    ForeignBinary(String),
    #[error("{}: {source}{}", paths(.files), advice_for_question(.source))]
    Question { files: Vec<PathBuf>, source: AnalyzeError },
    #[error("{}: {source}", paths(.files))]
    Flame { files: Vec<PathBuf>, source: FlameError },
    #[error("{}{}: {source}{}", input::shown(path), behind(.before), advice_for_series(.source))]
    Series { path: PathBuf, before: Option<PathBuf>, source: Box<SeriesError> },
    #[error("{}: there is no profile in this directory{}", path.display(), passed_over(*.others))]
    NoProfiles { path: PathBuf, others: usize },
    #[error("{}: a series is either one directory or files in order of time", path.display())]
    DirectoryAmongFiles { path: PathBuf },
    #[error("{0}; --force continues without the file")]
    DamagedInSeries(Box<CliError>),
    #[error("cannot read {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("{}: cannot be merged: {source}", paths(.files))]
    Merge { files: Vec<PathBuf>, source: MergeError },
    #[error("{}: {reason}; choose a format with --to: {}", path.display(), writable())]
    OutputFormat { path: PathBuf, reason: &'static str },
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {reason}", path.display())]
    Config { path: PathBuf, line: usize, reason: String },
    #[error("{}: another watch writes here; give this one a directory of its own with --out", .0.display())]
    Watched(PathBuf),
    #[error("{target}: {reason}")]
    Target { target: String, reason: String },
    #[error("{program}: {reason}")]
    Run { program: String, reason: String },
    #[error("{target}: no snapshot arrived: {reason}")]
    NoSnapshot { target: String, reason: String },
    #[error("{0}; highwater top, diff and trend print, and highwater watch works without a terminal")]
    NoTerminal(&'static str),
    #[error("the terminal: {0}")]
    Terminal(io::Error),
    #[error("{0}")]
    Plot(String),
    #[error("cargo: {0}")]
    Cargo(String),
    #[error("there is no package {0:?} in this workspace; `cargo metadata --no-deps` lists the packages")]
    NoPackage(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
    #[error("{}: there is nothing to show: {kind} is 0 in every row that the filters leave{}", input::shown(path), offered(.others))]
    NothingOfKind { path: PathBuf, kind: SampleKind, others: Vec<String> },
    #[error("{0}; see highwater flame --help")]
    Usage(&'static str),
}

impl CliError {
    /// The error for a profile at `path` whose binaries are not on this machine; `None` if it needs no
    /// binaries.
    pub(crate) fn missing_binaries(path: &Path, summary: &Summary) -> Option<Self> {
        let mut list = String::new();
        let mut files = 0;
        for (mapping, reason) in summary.missing() {
            let separator = if files == 0 { "" } else { "; " };
            // Writing to a string cannot fail.
            let _ = write!(list, "{separator}{} ({}): {reason}", mapping.file, build(&mapping.build_id));
            files += 1;
        }
        let noun = if files == 1 { "a file is" } else { "files are" };
        (files > 0).then(|| {
            Self::MissingBinaries(format!(
                "{}: {noun} missing to name functions and lines: {list}; give the right one with --binary PATH, or continue with --addresses",
                input::shown(path)
            ))
        })
    }

    /// The error for a given binary that is not one of the files of the profile at `path`; `None` if each
    /// binary is.
    pub(crate) fn foreign_binary(path: &Path, profile: &Profile, summary: &Summary) -> Option<Self> {
        /// The error lists at most this many files. Usually the program's own binary is the wrong build, and
        /// it is listed first.
        const LISTED: usize = 3;
        let foreign_binary = summary.unused_binaries.first()?;
        let mut files: Vec<String> = Vec::new();
        for mapping in profile.mappings() {
            let file =
                format!("{} ({})", profile.string(mapping.file), build(profile.string(mapping.build_id)));
            if !files.contains(&file) {
                files.push(file);
            }
        }
        if files.len() > LISTED {
            files.truncate(LISTED);
            files.push("others".to_owned());
        }
        let own = build(foreign_binary.build_id.as_deref().unwrap_or_default());
        let list = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
        Some(Self::ForeignBinary(format!(
            "{}: --binary {} ({own}) is a different build from every file of the profile: {list}; give the build that was profiled",
            input::shown(path),
            foreign_binary.path.display()
        )))
    }
}

/// A build id as text; the id is empty if the file has none.
pub(crate) fn build(id: &str) -> String {
    if id.is_empty() { "no build id".to_owned() } else { format!("build id {id}") }
}

fn writable() -> String {
    let names = Format::ALL.into_iter().filter(|it| it.can_write()).map(Format::name);
    names.collect::<Vec<_>>().join(", ")
}

fn paths(files: &[PathBuf]) -> String {
    files.iter().map(|path| input::shown(path)).collect::<Vec<_>>().join(" and ")
}

fn advice_for_file(error: &FileError) -> &'static str {
    match error {
        FileError::Content { source, .. } => advice_for_content(source),
        _ => "",
    }
}

fn advice_for_content(error: &ReadError) -> &'static str {
    match error {
        ReadError::TooLarge { .. } => " (--max-unpacked)",
        ReadError::OutOfMemory { .. } => " (--max-memory)",
        ReadError::Malformed { .. } | ReadError::Inconsistent { .. } => {
            "; the file is damaged or was not written by a profiler"
        }
        _ => "",
    }
}

/// The file of a series before the file at fault, as text.
fn behind(before: &Option<PathBuf>) -> String {
    before.as_ref().map_or_else(String::new, |it| format!(", behind {}", it.display()))
}

/// The kinds of values that a file has, as text.
fn offered(kinds: &[String]) -> String {
    if kinds.is_empty() {
        String::new()
    } else {
        format!("; the file has {} (choose with --sample)", kinds.join(", "))
    }
}

fn passed_over(others: usize) -> String {
    if others == 0 { String::new() } else { format!(", only {others} of other content") }
}

fn advice_for_series(error: &SeriesError) -> &'static str {
    match error {
        SeriesError::Question(source) => advice_for_question(source),
        SeriesError::Unsorted { .. } => "; give the files in order of time, or the directory they are in",
        SeriesError::ClockBackwards { .. } => "; leave out the files on one side of the change",
        SeriesError::Duplicate { .. } => "; leave it out (--force does)",
        SeriesError::Restarted => {
            "; give the files of one process, or continue without the time between the two (--force)"
        }
        SeriesError::IntervalChanged(_) => " (--force)",
        SeriesError::NotLive(_) => "; choose live-bytes or live-blocks with --sample",
        SeriesError::TooFew(_) => "; give more files, or the directory they are in",
        _ => "",
    }
}

fn advice_for_question(error: &AnalyzeError) -> &'static str {
    match error {
        AnalyzeError::NoSampleType { .. } => "; choose one with --sample",
        AnalyzeError::NotComparable(_) => "; --force compares them all the same",
        _ => "",
    }
}
