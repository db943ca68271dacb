//! Profiles from files, with their symbols.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;
use std::{panic, thread};

use highwater_profile::Profile;
use highwater_symbol::{Summary, symbolize_with};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::CliError;
use crate::names;
use crate::shared::Shared;
use crate::{input, output};

/// Time after which a progress bar appears.
const TICK: Duration = Duration::from_millis(120);

/// Reads a profile without looking up symbols.
pub(crate) fn raw(path: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let profile = input::read(path, shared)?;
    for sample in &shared.sample {
        let files = vec![path.to_owned()];
        sample.column(&profile).map_err(|source| CliError::Question { files, source })?;
    }
    Ok(profile)
}

/// Reads a profile and looks up its functions and lines. A missing binary is an error unless addresses are
/// allowed: an answer with half of its names would mislead.
pub(crate) fn symbolized(path: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let bar = Progress::busy(format!("reading {}", input::shown(path)));
    let profile = raw(path, shared)?;
    drop(bar);
    with_symbols(path, profile, shared)
}

fn with_symbols(path: &Path, mut profile: Profile, shared: &Shared) -> Result<Profile, CliError> {
    let summary = find_symbols(path, &mut profile, shared)?;
    complete(path, &mut profile, &summary, shared)?;
    Ok(profile)
}

/// Like [`symbolized`], for a profile in memory and without printing notes.
pub(crate) fn symbolize_quietly(path: &Path, profile: &mut Profile, shared: &Shared) -> Result<(), CliError> {
    let summary = symbolize_with(profile, &shared.symbols(), &|_| ())?;
    complete(path, profile, &summary, shared)
}

/// Adds notes about symbols to the profile; an error if too much is missing.
fn complete(path: &Path, profile: &mut Profile, summary: &Summary, shared: &Shared) -> Result<(), CliError> {
    match CliError::missing_binaries(path, summary) {
        Some(error) if !shared.addresses => Err(error),
        _ => {
            profile.source.notes.extend(names::missing(summary));
            Ok(())
        }
    }
}

/// Prints the notes of profiles to stderr, for answers without a header.
pub(crate) fn say_notes<'a>(profiles: impl IntoIterator<Item = &'a Profile>) {
    let mut said: Vec<String> = Vec::new();
    for note in profiles.into_iter().flat_map(highwater_analyze::notes) {
        if !said.contains(&note) {
            output::note(&note);
            said.push(note);
        }
    }
}

/// Reads two profiles at the same time, then looks up their symbols one after the other.
pub(crate) fn symbolized_pair(paths: [&Path; 2], shared: &Shared) -> Result<[Profile; 2], CliError> {
    let [base, new] = paths;
    if input::is_stdin(base) && input::is_stdin(new) {
        return Err(CliError::Target {
            target: "standard input".to_owned(),
            reason: "it can be one of two profiles only; give a file for the other".to_owned(),
        });
    }
    let bar = Progress::busy(format!("reading {} and {}", input::shown(base), input::shown(new)));
    let (first, second) = thread::scope(|scope| {
        let read = || raw(base, shared);
        let other = thread::Builder::new().spawn_scoped(scope, read).ok();
        let new = raw(new, shared);
        let base =
            other.map_or_else(read, |it| it.join().unwrap_or_else(|fault| panic::resume_unwind(fault)));
        (base, new)
    });
    drop(bar);
    Ok([with_symbols(base, first?, shared)?, with_symbols(new, second?, shared)?])
}

/// Looks up symbols and returns the outcome.
pub(crate) fn find_symbols(path: &Path, profile: &mut Profile, shared: &Shared) -> Result<Summary, CliError> {
    let what = format!("finding functions and lines of {}", input::shown(path));
    let bar = Progress::start(what, "addresses");
    Ok(symbolize_with(profile, &shared.symbols(), &|it| bar.show(it.done, it.total))?)
}

/// Runs work that may take long, and shows that it is running.
pub(crate) fn busy<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let _bar = Progress::busy(what.to_owned());
    work()
}

/// A progress bar on stderr while it is in scope, if stderr is a terminal.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A spinner for work of unknown length.
    pub(crate) fn busy(what: String) -> Self {
        Self::with_template(what, "{spinner} {wide_msg}")
    }

    /// A bar that names the work and counts these things.
    pub(crate) fn start(what: String, things: &str) -> Self {
        Self::with_template(what, &format!("{{spinner}} {{msg}} {{wide_bar}} {{pos}}/{{len}} {things}"))
    }

    fn with_template(what: String, template: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
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
