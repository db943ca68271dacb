//! Series of profiles: files given in order of time, or all profiles of a directory, one in memory at a time.

pub(crate) mod clock;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use highwater_analyze::{
    GroupBy, Query, Series, SeriesError, SeriesOptions, SnapshotTotals, Spike, Suspects,
};
use highwater_profile::file::FileError;
use highwater_profile::{Profile, ReadError};

use self::clock::Stamp;
use crate::error::CliError;
use crate::load::{self, Progress};
use crate::shared::Shared;
use crate::{command, input, output, watch};

/// The files of a series.
pub(crate) struct Files {
    /// In order of time as soon as they were scanned or followed.
    pub(crate) paths: Vec<PathBuf>,
    /// The directory that they are all of, if that was given.
    pub(crate) directory: Option<PathBuf>,
    /// The order is that of the arguments, or was found out.
    is_sorted: bool,
    /// There are others to go on with when one cannot be read.
    several: bool,
    /// Leave out what cannot be read.
    force: bool,
    /// Remarks that are still to be made, each once.
    remarks: BTreeSet<String>,
    /// Files of the directory that are no profiles.
    others: BTreeSet<PathBuf>,
    /// What is added to the times of these files, because the clock was set back before, in nanoseconds.
    shifts: HashMap<PathBuf, i64>,
}

impl Files {
    /// What is meant by these arguments. A directory means all profiles in it, not those in directories of its own, hidden
    /// or temporary ones.
    pub(crate) fn of(paths: &[PathBuf], force: bool) -> Result<Self, CliError> {
        let (paths, directory) = match (paths, paths.iter().find(|it| it.is_dir())) {
            ([directory], Some(_)) => (entries(directory)?, Some(directory.clone())),
            (_, Some(directory)) => return Err(CliError::DirectoryAmongFiles { path: directory.clone() }),
            (_, None) => (paths.to_vec(), None),
        };
        Ok(Self {
            is_sorted: directory.is_none(),
            several: paths.len() > 1,
            paths,
            directory,
            force,
            remarks: BTreeSet::new(),
            others: BTreeSet::new(),
            shifts: HashMap::new(),
        })
    }

    /// Reads every file once, without looking for symbols, and keeps what `of` makes of it. Afterwards the files of a
    /// directory are in order of time, and those that are no profiles are left out with a remark.
    pub(crate) fn scan<T>(
        &mut self,
        shared: &Shared,
        mut of: impl FnMut(&Profile) -> Result<T, SeriesError>,
    ) -> Result<Vec<T>, CliError> {
        let bar = Progress::start("reading the series".to_owned(), "files");
        let mut found: Vec<(Stamp, Option<T>)> = Vec::with_capacity(self.paths.len());
        for (done, path) in self.paths.clone().into_iter().enumerate() {
            bar.show(done, self.paths.len());
            if let Some(profile) = self.read(&path, shared)? {
                let result = of(&profile).map_err(|source| series_error(&path, None, source))?;
                found.push((Stamp::of(path, &profile), Some(result)));
            }
        }
        drop(bar);
        if !self.is_sorted {
            let stamps: Vec<Stamp> = found.iter().map(|it| it.0.clone()).collect();
            let order = clock::order(&stamps);
            if self.shifts.is_empty() && order.iter().any(|it| it.1 != 0) {
                // What was made of them has the wrong times.
                self.shifts = order.iter().map(|&(at, shift)| (stamps[at].path.clone(), shift)).collect();
                self.remarks.insert(
                    "the clock was set back between two snapshots: later times are shifted, so that they go on; how long the two lie \
                     apart is not known, and the usual time between two is assumed"
                        .to_owned(),
                );
                return self.scan(shared, of);
            }
            let mut slots = found;
            found = order.iter().map(|&(at, _)| (stamps[at].clone(), slots[at].1.take())).collect();
            self.is_sorted = true;
        }
        let (paths, results): (_, Vec<_>) = found.into_iter().map(|(it, result)| (it.path, result)).unzip();
        let results = results.into_iter().flatten().collect();
        self.finish(paths)?;
        Ok(results)
    }

    /// Follows the files one after the other, each with its symbols. What had to be forced is said.
    pub(crate) fn follow(&mut self, query: &Query, shared: &Shared) -> Result<Series, CliError> {
        // The names of a recorder's files are in order of time, so most directories need not be read twice.
        if !self.is_sorted {
            if let Some(series) = self.attempt(query, shared)? {
                return Ok(series);
            }
            self.remarks.clear();
            self.scan(shared, |_| Ok(()))?;
        }
        let series = self.attempt(query, shared)?;
        Ok(series.unwrap_or_else(|| Series::new(query.clone(), SeriesOptions::default())))
    }

    /// The series in the order in which the files are now; `None` when something is wrong with that, and the order is not known
    /// to be the right one.
    fn attempt(&mut self, query: &Query, shared: &Shared) -> Result<Option<Series>, CliError> {
        let bar = Progress::start("following the series".to_owned(), "files");
        let mut series = Series::new(query.clone(), SeriesOptions { force: self.force });
        let mut followed: Vec<PathBuf> = Vec::with_capacity(self.paths.len());
        let mut last_ns = i64::MIN;
        for (done, path) in self.paths.clone().into_iter().enumerate() {
            bar.show(done, self.paths.len());
            let Some(mut profile) = self.read(&path, shared)? else { continue };
            if !self.is_sorted && profile.time_ns < last_ns {
                return Ok(None);
            }
            last_ns = profile.time_ns;
            load::symbolize_quietly(&path, &mut profile, shared)?;
            let (forced, before) = (series.notes().len(), followed.last());
            match series.push(&profile) {
                Err(_) if !self.is_sorted => return Ok(None),
                outcome => outcome.map_err(|source| series_error(&path, before, source))?,
            }
            for note in &series.notes()[forced..] {
                self.remarks.insert(forced_note(&path, before, &note.reason));
            }
            followed.push(path);
        }
        drop(bar);
        self.is_sorted = true;
        self.finish(followed)?;
        Ok(Some(series))
    }

    /// Keeps these files, and makes the remarks that have to be made.
    fn finish(&mut self, paths: Vec<PathBuf>) -> Result<(), CliError> {
        self.paths = paths;
        let others = std::mem::take(&mut self.others);
        if let (Some(directory), Some(first)) = (&self.directory, others.first()) {
            let count = others.len();
            if self.paths.is_empty() {
                return Err(CliError::NoProfiles { path: directory.clone(), others: count });
            }
            let noun =
                if count == 1 { "file that is no profile was" } else { "files that are no profiles were" };
            let name = first.file_name().unwrap_or_default().to_string_lossy();
            self.remarks
                .insert(format!("{}: {count} {noun} passed over, such as {name}", directory.display()));
        }
        std::mem::take(&mut self.remarks).iter().for_each(|it| output::note(it));
        Ok(())
    }

    /// Reads a file as it is. One that does not say when it was taken is taken to be as old as the file. `None` when it is to
    /// be left out: of a directory what is no profile, and, where that is forced, what is damaged.
    pub(crate) fn read(&mut self, path: &Path, shared: &Shared) -> Result<Option<Profile>, CliError> {
        let mut profile = match load::raw(path, shared) {
            Ok(profile) => profile,
            Err(error) if self.directory.is_some() && is_no_profile(&error) => {
                self.others.insert(path.to_owned());
                return Ok(None);
            }
            Err(error @ CliError::File(_)) if self.force => {
                self.remarks.insert(format!("{error}; it is left out (--force)"));
                return Ok(None);
            }
            Err(error @ CliError::File(_)) if self.several => {
                return Err(CliError::DamagedInSeries(Box::new(error)));
            }
            Err(error) => return Err(error),
        };
        if profile.time_ns == 0 {
            let note = if input::is_file(path) {
                profile.time_ns = changed_ns(path).unwrap_or(0);
                "the files do not say when they were taken: the time of their last change is used"
            } else {
                profile.time_ns = watch::now_ns();
                "the profiles do not say when they were taken: the time of their arrival is used"
            };
            self.remarks.insert(note.to_owned());
        }
        self.shift(path, &mut profile);
        Ok(Some(profile))
    }

    /// Reads a file with its symbols, whose time goes on where the clock was set back.
    pub(crate) fn symbolized(&self, path: &Path, shared: &Shared) -> Result<Profile, CliError> {
        let mut profile = load::symbolized(path, shared)?;
        self.shift(path, &mut profile);
        Ok(profile)
    }

    fn shift(&self, path: &Path, profile: &mut Profile) {
        profile.time_ns = profile.time_ns.saturating_add(self.shifts.get(path).copied().unwrap_or(0));
    }
}

/// When a file was last changed, in nanoseconds since 1970.
pub(crate) fn changed_ns(path: &Path) -> Option<i64> {
    let time = fs::metadata(path).and_then(|it| it.modified()).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// What explains a spike in a series of these snapshots. Of them the two around it are read, and the first and the last of
/// their process for what is usual.
pub(crate) fn explain(
    spike: &Spike,
    totals: &[SnapshotTotals],
    paths: &[PathBuf],
    shared: &Shared,
) -> Result<Suspects, CliError> {
    let (before, after) = (spike.before, spike.after);
    let same = |at: &usize| totals[*at].process == totals[before].process;
    let first = (0..before).rev().take_while(same).last().unwrap_or(before);
    let last = (after..totals.len()).take_while(same).last().unwrap_or(after);
    let load = |at: usize| load::symbolized(&paths[at], shared);
    let (base, new) = (load(before)?, load(after)?);
    let ends = [(first, before), (last, after)].map(|(at, near)| (at != near).then(|| load(at)).transpose());
    let [first, last] = ends;
    let (first, last) = (first?, last?);
    let series: [&Profile; 4] = [first.as_ref().unwrap_or(&base), &base, &new, last.as_ref().unwrap_or(&new)];
    let files: [&Path; 2] = [&paths[before], &paths[after]];
    highwater_analyze::explain(series, &shared.query(GroupBy::Line)).map_err(command::question(&files))
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
    format!("{}{behind}: {reason}; {outcome} (--force)", input::shown(path))
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

/// The error of a series as a whole.
pub(crate) fn whole(files: &Files) -> impl FnOnce(SeriesError) -> CliError {
    let path = files.directory.clone().or_else(|| files.paths.last().cloned()).unwrap_or_default();
    move |source| CliError::Series { path, before: None, source: Box::new(source) }
}
