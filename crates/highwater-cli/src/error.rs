//! Everything that can go wrong, each in one line that names the file and says what to do.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use highwater_analyze::AnalyzeError;
use highwater_profile::ReadError;
use highwater_profile::file::FileError;
use highwater_report::FlameError;
use highwater_symbol::{Summary, SymbolError};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{}{}", .0, advice_for_file(.0))]
    File(#[from] FileError),
    #[error("{0}; give another one with --binary")]
    Symbol(#[from] SymbolError),
    #[error("{0}")]
    MissingBinaries(String),
    #[error("{}: {source}{}", paths(.files), advice_for_question(.source))]
    Question { files: Vec<PathBuf>, source: AnalyzeError },
    #[error("{}: {source}", paths(.files))]
    Flame { files: Vec<PathBuf>, source: FlameError },
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
    #[error("{0}; see highwater flame --help")]
    Usage(&'static str),
}

impl CliError {
    /// The profile at `path` needs binaries that are not here. `None` when it needs none.
    pub(crate) fn missing_binaries(path: &Path, summary: &Summary) -> Option<Self> {
        let mut list = String::new();
        let mut files = 0;
        for (mapping, reason) in summary.missing() {
            let separator = if files == 0 { "" } else { "; " };
            let build_id = match mapping.build_id.as_str() {
                "" => "no build id".to_owned(),
                id => format!("build id {id}"),
            };
            // Writing to a string cannot fail.
            let _ = write!(list, "{separator}{} ({build_id}): {reason}", mapping.file);
            files += 1;
        }
        let noun = if files == 1 { "a file is" } else { "files are" };
        (files > 0).then(|| {
            Self::MissingBinaries(format!(
                "{}: {noun} missing to name functions and lines: {list}; give the right one with --binary PATH, or go on with --addresses",
                path.display()
            ))
        })
    }
}

fn paths(files: &[PathBuf]) -> String {
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn advice_for_file(error: &FileError) -> &'static str {
    match error {
        FileError::Content { source: ReadError::TooLarge { .. }, .. } => " (--max-unpacked)",
        FileError::Content {
            source: ReadError::Malformed { .. } | ReadError::Inconsistent { .. }, ..
        } => "; the file is damaged or was not written by a profiler",
        _ => "",
    }
}

fn advice_for_question(error: &AnalyzeError) -> &'static str {
    match error {
        AnalyzeError::NoSampleType { .. } => "; choose one with --sample",
        AnalyzeError::DifferentIntervals { .. } | AnalyzeError::DifferentUnits { .. } => " (--force)",
        _ => "",
    }
}
