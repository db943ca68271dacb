//! Series of profiles: files given in order of time, or all profiles of a directory, one in memory at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use highwater_analyze::{Series, SeriesError, SeriesOptions};
use highwater_profile::file::FileError;
use highwater_profile::{Profile, ReadError};

use crate::error::CliError;
use crate::load::{self, Progress};
use crate::output;
use crate::shared::Shared;

/// The files of a series, in order of time.
pub(crate) struct Files {
    pub(crate) paths: Vec<PathBuf>,
    /// The directory that they are all of, if that was given.
    pub(crate) directory: Option<PathBuf>,
    /// There are others to go on with when one cannot be read.
    several: bool,
    /// Leave out what cannot be read.
    force: bool,
    /// Remarks that were made, each once.
    remarks: BTreeSet<String>,
}

impl Files {
    /// What is meant by these arguments. A directory means all profiles in it, not those in directories of its own, hidden
    /// or temporary ones; its order is found by [`Files::scan`].
    pub(crate) fn of(paths: &[PathBuf], force: bool) -> Result<Self, CliError> {
        let files = |paths: Vec<PathBuf>, directory| {
            let several = paths.len() > 1;
            Self { paths, directory, several, force, remarks: BTreeSet::new() }
        };
        match (paths, paths.iter().find(|it| it.is_dir())) {
            ([directory], Some(_)) => Ok(files(entries(directory)?, Some(directory.clone()))),
            (_, Some(directory)) => Err(CliError::DirectoryAmongFiles { path: directory.clone() }),
            (_, None) => Ok(files(paths.to_vec(), None)),
        }
    }

    /// Reads every file once, without looking for symbols, and keeps what `of` makes of it. Afterwards the files of a
    /// directory are in order of time, and those that are no profiles are left out with a remark.
    pub(crate) fn scan<T>(
        &mut self,
        shared: &Shared,
        mut of: impl FnMut(&Profile) -> Result<T, SeriesError>,
    ) -> Result<Vec<T>, CliError> {
        let bar = Progress::start("reading the series".to_owned(), "files");
        let paths = std::mem::take(&mut self.paths);
        let total = paths.len();
        let mut found: Vec<(i64, PathBuf, T)> = Vec::with_capacity(total);
        let mut others = Vec::new();
        for (done, path) in paths.into_iter().enumerate() {
            bar.show(done, total);
            match self.read(&path, shared) {
                Ok(profile) => {
                    let result = of(&profile).map_err(|source| series_error(&path, None, source))?;
                    found.push((profile.time_ns, path, result));
                }
                Err(error) if self.directory.is_some() && is_no_profile(&error) => others.push(path),
                Err(error) => self.leave_out(error)?,
            }
        }
        drop(bar);
        if let Some(directory) = self.directory.clone() {
            self.note_others(&directory, &others);
            if found.is_empty() {
                return Err(CliError::NoProfiles { path: directory, others: others.len() });
            }
            found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        }
        let (paths, results) = found.into_iter().map(|(_, path, result)| (path, result)).unzip();
        self.paths = paths;
        Ok(results)
    }

    /// Puts the files of a directory in order; those that were given one by one are in order already.
    pub(crate) fn sort(&mut self, shared: &Shared) -> Result<(), CliError> {
        if self.directory.is_some() {
            self.scan(shared, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Follows the files one after the other, each with its symbols. What had to be forced is said.
    pub(crate) fn follow(&mut self, series: &mut Series, shared: &Shared) -> Result<(), CliError> {
        let bar = Progress::start("following the series".to_owned(), "files");
        let paths = self.paths.clone();
        let mut before: Option<&PathBuf> = None;
        let mut notes = Vec::new();
        for (done, path) in paths.iter().enumerate() {
            bar.show(done, paths.len());
            let mut profile = match self.read(path, shared) {
                Ok(profile) => profile,
                Err(error) => {
                    self.leave_out(error)?;
                    continue;
                }
            };
            let remarks = load::symbolize_quietly(path, &mut profile, shared)?;
            notes.extend(remarks.into_iter().filter(|it| self.remarks.insert(it.clone())));
            let forced = series.notes().len();
            series.push(&profile).map_err(|source| series_error(path, before, source))?;
            for note in &series.notes()[forced..] {
                notes.push(forced_note(path, before, &note.reason));
            }
            before = Some(path);
        }
        drop(bar);
        notes.iter().for_each(|it| output::note(it));
        Ok(())
    }

    /// Reads a file as it is. One that does not say when it was taken is taken to be as old as the file.
    pub(crate) fn read(&mut self, path: &Path, shared: &Shared) -> Result<Profile, CliError> {
        let mut profile = load::raw(path, shared)?;
        if profile.time_ns == 0 {
            let time = fs::metadata(path).and_then(|it| it.modified()).ok();
            let since = time.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
            profile.time_ns = since.and_then(|it| i64::try_from(it.as_nanos()).ok()).unwrap_or(0);
            let note = "the files do not say when they were taken: the time of their last change is used";
            if profile.time_ns != 0 && self.remarks.insert(note.to_owned()) {
                output::note(note);
            }
        }
        Ok(profile)
    }

    /// What is wrong with a file, unless it may be left out.
    fn leave_out(&mut self, error: CliError) -> Result<(), CliError> {
        match error {
            CliError::File(_) if self.force => {
                output::note(&format!("{error}; it is left out (--force)"));
                Ok(())
            }
            CliError::File(file) if self.several => {
                Err(CliError::DamagedInSeries(Box::new(CliError::File(file))))
            }
            error => Err(error),
        }
    }

    fn note_others(&self, directory: &Path, others: &[PathBuf]) {
        if let Some(first) = others.first() {
            let count = others.len();
            let noun =
                if count == 1 { "file that is no profile was" } else { "files that are no profiles were" };
            let name = first.file_name().unwrap_or_default().to_string_lossy();
            output::note(&format!("{}: {count} {noun} passed over, such as {name}", directory.display()));
        }
    }
}

/// The error of a snapshot that does not continue the series.
pub(crate) fn series_error(path: &Path, before: Option<&PathBuf>, source: SeriesError) -> CliError {
    CliError::Series { path: path.to_owned(), before: before.cloned(), source: Box::new(source) }
}

/// What is said where a series was forced to go on.
pub(crate) fn forced_note(path: &Path, before: Option<&PathBuf>, reason: &SeriesError) -> String {
    let outcome = match reason {
        SeriesError::Duplicate { .. } => "it is left out",
        SeriesError::Restarted => "what was between the two is left out",
        _ => "forced to go on",
    };
    let behind = before.map_or_else(String::new, |it| format!(", behind {}", it.display()));
    format!("{}{behind}: {reason}; {outcome} (--force)", path.display())
}

/// The files of a directory that may be profiles, by name.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, CliError> {
    let fail = |source| CliError::Directory { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_temporary = name.starts_with('.') || name.ends_with(".tmp") || name.ends_with('~');
        if !is_temporary && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(CliError::NoProfiles { path: directory.to_owned(), others: 0 });
    }
    Ok(paths)
}

/// Whether a file is something else altogether, and not a profile that is damaged.
fn is_no_profile(error: &CliError) -> bool {
    matches!(error, CliError::File(FileError::Content { source: ReadError::UnknownFormat { .. }, .. }))
}

/// An empty series with the rows of a query.
pub(crate) fn start(query: highwater_analyze::Query, force: bool) -> Series {
    Series::new(query, SeriesOptions { force })
}

/// The error of a series as a whole.
pub(crate) fn whole(files: &Files) -> impl FnOnce(SeriesError) -> CliError {
    let path = files.directory.clone().or_else(|| files.paths.last().cloned()).unwrap_or_default();
    move |source| CliError::Series { path, before: None, source: Box::new(source) }
}
