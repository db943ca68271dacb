//! The commands, one file each: its arguments, the question it asks, the view it shows.

pub(crate) mod advise;
pub(crate) mod cargo;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod diff;
pub(crate) mod flame;
pub(crate) mod info;
pub(crate) mod init_tests;
pub(crate) mod leaks;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod merge;
pub(crate) mod peek;
pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod rss;
pub(crate) mod run;
pub(crate) mod spikes;
pub(crate) mod symbolize;
pub(crate) mod top;
pub(crate) mod tree;
pub(crate) mod trend;
pub(crate) mod types;
pub(crate) mod watch;

use std::path::Path;

use highwater_analyze::AnalyzeError;

use crate::error::CliError;
use crate::input;

/// Makes the error of a question about these files.
pub(crate) fn question(files: &[&Path]) -> impl FnOnce(AnalyzeError) -> CliError + use<> {
    let files = files.iter().map(|&path| path.to_owned()).collect();
    move |source| CliError::Question { files, source }
}

/// The file's name without its directory, so that equal profiles give equal drawings.
pub(crate) fn name(path: &Path) -> String {
    if !input::is_file(path) {
        return input::shown(path);
    }
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
