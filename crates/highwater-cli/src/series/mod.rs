//! Series of profiles: files in order of time, or all profiles of a directory, with one in memory at a time.

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
    /// In order of time after `scan` or `follow`.
    pub(crate) paths: Vec<PathBuf>,
    /// The directory of all files, if the argument was a directory.
    pub(crate) directory: Option<PathBuf>,
    /// Whether `paths` is in its final order: the order of the arguments, or the order of time.
    is_sorted: bool,
    /// Whether there are several files, so that the series can continue if one cannot be read.
    several: bool,
    /// Whether to leave out files that cannot be read.
    force: bool,
    /// Remarks that are not printed yet, each once.
    remarks: BTreeSet<String>,
    /// Files of the directory that are not profiles.
    others: BTreeSet<PathBuf>,
    /// Nanoseconds to add to the times of these files, because the clock was set back before them.
    shifts: HashMap<PathBuf, i64>,
}

impl Files {
    /// The files of these arguments. A directory means all profiles directly in it, without hidden and
    /// temporary files.
    pub(crate) fn from_paths(paths: &[PathBuf], force: bool) -> Result<Self, CliError> {
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

    /// Reads every file once, without looking up symbols, and keeps the result of `of` for each. Afterwards
    /// the files of a directory are in order of time, and files that are not profiles are left out with a
    /// remark.
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
                found.push((Stamp::new(path, &profile), Some(result)));
            }
        }
        drop(bar);
        if !self.is_sorted {
            let stamps: Vec<Stamp> = found.iter().map(|it| it.0.clone()).collect();
            let order = clock::order(&stamps);
            if self.shifts.is_empty() && order.iter().any(|it| it.1 != 0) {
                // The results were made with the unshifted times.
                self.shifts = order.iter().map(|&(at, shift)| (stamps[at].path.clone(), shift)).collect();
                self.remarks.insert(
                    "the clock was set back between two snapshots: later times are shifted so that they increase; the time \
                     between the two is unknown, and the usual step is assumed"
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

    /// Follows the files one after the other, each with its symbols. Notes report whatever `force` overruled.
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

    /// The series in the files' current order; `None` if the order has a fault and may be wrong.
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

    /// Keeps these files, and prints the pending remarks.
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

    /// Reads a file without looking up symbols. A profile without a time gets the file's modification time.
    /// `None` if the file has to be left out: in a directory a file that is no profile, and, with `force`, a
    /// damaged file.
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

    /// Reads a file with its symbols. Its time is shifted if the clock was set back before it.
    pub(crate) fn symbolized(&self, path: &Path, shared: &Shared) -> Result<Profile, CliError> {
        let mut profile = load::symbolized(path, shared)?;
        self.shift(path, &mut profile);
        Ok(profile)
    }

    fn shift(&self, path: &Path, profile: &mut Profile) {
        profile.time_ns = profile.time_ns.saturating_add(self.shifts.get(path).copied().unwrap_or(0));
    }
}

/// When a file was last modified, in nanoseconds since 1970-01-01 UTC.
pub(crate) fn changed_ns(path: &Path) -> Option<i64> {
    let time = fs::metadata(path).and_then(|it| it.modified()).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// Explains a spike in a series of these snapshots. It reads the two snapshots around the spike, and the
/// first and the last one of the same process for the usual rates.
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

/// The error for a snapshot that does not continue the series.
pub(crate) fn series_error(path: &Path, before: Option<&PathBuf>, source: SeriesError) -> CliError {
    CliError::Series { path: path.to_owned(), before: before.cloned(), source: Box::new(source) }
}

/// The note for a place at which `force` continued the series.
pub(crate) fn forced_note(path: &Path, before: Option<&PathBuf>, reason: &SeriesError) -> String {
    let outcome = match reason {
        SeriesError::Duplicate { .. } => "it is left out",
        SeriesError::Restarted => "the time between the two is left out",
        _ => "forced to go on",
    };
    let behind = before.map_or_else(String::new, |it| format!(", behind {}", it.display()));
    format!("{}{behind}: {reason}; {outcome} (--force)", input::shown(path))
}

/// The files of a directory that may be profiles, sorted by name.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, CliError> {
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

/// Whether the file is something other than a profile, in contrast to a damaged profile.
pub(crate) fn is_no_profile(error: &CliError) -> bool {
    matches!(error, CliError::File(FileError::Content { source: ReadError::UnknownFormat { .. }, .. }))
}

/// The error for a series as a whole.
pub(crate) fn whole(files: &Files) -> impl FnOnce(SeriesError) -> CliError {
    let path = files.directory.clone().or_else(|| files.paths.last().cloned()).unwrap_or_default();
    move |source| CliError::Series { path, before: None, source: Box::new(source) }
}
