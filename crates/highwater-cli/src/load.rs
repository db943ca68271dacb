//! Profiles from files, with their symbols.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use highwater_profile::{Profile, file};
use highwater_symbol::{Summary, symbolize_with};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::CliError;
use crate::output;
use crate::shared::Shared;

/// How long a file's symbols may take before a reader wonders whether anything happens.
const TICK: Duration = Duration::from_millis(120);

/// Reads a profile as it is in its file.
pub(crate) fn raw(path: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let profile = file::read(path, &shared.limits())?;
    if let Some(sample) = &shared.sample {
        let files = vec![path.to_owned()];
        sample.column(&profile).map_err(|source| CliError::Question { files, source })?;
    }
    Ok(profile)
}

/// Reads a profile and finds its functions and lines. Without a binary that it needs there is no profile, unless
/// addresses were allowed: half of the names look like an answer and are none.
pub(crate) fn symbolized(path: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let mut profile = raw(path, shared)?;
    let summary = find_symbols(path, &mut profile, shared)?;
    match CliError::missing_binaries(path, &summary) {
        Some(error) if !shared.addresses => return Err(error),
        _ => note_stripped(path, &summary),
    }
    Ok(profile)
}

/// Finds what can be found, and says what that was.
pub(crate) fn find_symbols(path: &Path, profile: &mut Profile, shared: &Shared) -> Result<Summary, CliError> {
    let message = format!("finding functions and lines of {}", path.display());
    let bar = Progress::start(message, "addresses");
    Ok(symbolize_with(profile, &shared.symbols(), &|it| bar.show(it.done, it.total))?)
}

/// A stripped library is nothing unusual; a profile without any line is.
fn note_stripped(path: &Path, summary: &Summary) {
    for (mapping, reason) in summary.mappings.iter().filter_map(|it| Some((it, it.unusable.as_ref()?))) {
        output::note(&format!("{}: no lines, because {reason}", mapping.file));
    }
    if !summary.mappings.is_empty() && summary.with_lines() == 0 && summary.missing().next().is_none() {
        output::note(&format!(
            "{}: no debug information was found, so there are no lines (--debug-dir names more places to look)",
            path.display()
        ));
    }
}

/// A bar on stderr while it is in scope, if that is a terminal.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for work in steps of this `noun`.
    pub(crate) fn start(message: String, noun: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = format!("{{spinner}} {{msg}} {{wide_bar}} {{pos}}/{{len}} {noun}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_message(message);
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    pub(crate) fn show(&self, done: usize, total: usize) {
        if let Some(bar) = &self.0 {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
