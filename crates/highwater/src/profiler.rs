//! Snapshots without asking for each: at the end of a scope, and every so often.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use highwater_profile::sequence::Sequence;
use highwater_runtime::own_memory;

use crate::{Error, Snapshot};

/// Writes a snapshot when it is dropped, and on request one every so often.
///
/// ```no_run
/// use std::time::Duration;
///
/// let _profiler = highwater::Profiler::builder()
///     .file("heap.pb.gz")
///     .every(Duration::from_secs(90), "snapshots")
///     .keep(40)
///     .start()?;
/// # Ok::<(), highwater::Error>(())
/// ```
///
/// What goes wrong at drop or in the background is said on standard error; a program does not fail because its
/// profile could not be written. `std::process::exit` drops nothing: call [`Profiler::finish`] before it.
#[derive(Debug)]
pub struct Profiler {
    file: Option<PathBuf>,
    background: Option<Background>,
}

#[derive(Debug)]
struct Background {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// How a [`Profiler`] is to work.
#[derive(Clone, Debug)]
pub struct ProfilerBuilder {
    file: Option<PathBuf>,
    series: Option<Series>,
    keep: usize,
}

#[derive(Clone, Debug)]
struct Series {
    directory: PathBuf,
    every: Duration,
}

impl Profiler {
    /// A profiler that writes `file` when it is dropped.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), background: None }
    }

    /// A profiler with more to choose.
    pub fn builder() -> ProfilerBuilder {
        ProfilerBuilder { file: None, series: None, keep: ProfilerBuilder::DEFAULT_KEEP }
    }

    /// Ends the series, writes the last snapshot, and says whether that worked.
    ///
    /// # Errors
    /// When the snapshot could not be taken or written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.write_last()
    }

    fn write_last(&mut self) -> Result<(), Error> {
        if let Some(Background { stop, thread }) = self.background.take() {
            stop.store(true, Ordering::Release);
            thread.thread().unpark();
            // It ends by itself; that it panicked is already on standard error.
            let _ = thread.join();
        }
        match self.file.take() {
            Some(file) => Snapshot::capture()?.write(file),
            None => Ok(()),
        }
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        if let Err(error) = self.write_last() {
            complain(&error);
        }
    }
}

impl ProfilerBuilder {
    /// Snapshots of a series that are kept unless [`Self::keep`] says otherwise.
    pub const DEFAULT_KEEP: usize = 100;

    /// Writes a last snapshot to `file` when the profiler is dropped. Default: none.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Writes a snapshot into `directory` (made if it is missing) each time `period` has passed, at least a
    /// millisecond. The files are named `heap-<milliseconds since 1970, UTC>.pb.gz`. Their names sort in the order of the
    /// snapshots even if the clock is set back: the number is then one more than the last. Default: none.
    #[must_use]
    pub fn every(mut self, period: Duration, directory: impl Into<PathBuf>) -> Self {
        let every = period.max(Duration::from_millis(1));
        self.series = Some(Series { directory: directory.into(), every });
        self
    }

    /// How many snapshots of the series to keep, at least 1; the oldest are deleted. Default
    /// [`Self::DEFAULT_KEEP`].
    #[must_use]
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = files.max(1);
        self
    }

    /// Starts.
    ///
    /// # Errors
    /// When the directory cannot be made, or no thread can be started for the series.
    pub fn start(self) -> Result<Profiler, Error> {
        let background = match self.series {
            Some(series) => Some(series.start(self.keep)?),
            None => None,
        };
        Ok(Profiler { file: self.file, background })
    }
}

impl Series {
    fn start(self, keep: usize) -> Result<Background, Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (series, stopped) = (self.clone(), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("highwater".to_owned())
            .spawn(move || {
                while wait(series.every, &stopped) {
                    own_memory(|| {
                        if let Err(error) = series.write_next(keep) {
                            complain(&error);
                        }
                    });
                }
            })
            .map_err(failed)?;
        Ok(Background { stop, thread })
    }

    fn write_next(&self, keep: usize) -> Result<(), Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        let snapshot = Snapshot::capture()?;
        let there = snapshots(&self.directory).map_err(failed)?;
        let number = Sequence::behind(there.iter().map(|it| it.0)).next_now();
        snapshot.write(self.directory.join(format!("{PREFIX}{number:013}{SUFFIX}")))?;
        delete_oldest(&self.directory, keep).map_err(failed)
    }
}

/// Waits for `period`; false as soon as `stop` is set. Parks, because waiting at a channel allocates.
fn wait(period: Duration, stop: &AtomicBool) -> bool {
    let begin = Instant::now();
    while !stop.load(Ordering::Acquire) {
        match period.checked_sub(begin.elapsed()) {
            Some(rest) if !rest.is_zero() => thread::park_timeout(rest),
            _ => return true,
        }
    }
    false
}

const PREFIX: &str = "heap-";
const SUFFIX: &str = ".pb.gz";

/// The snapshots of a series with their numbers, the oldest first, and nothing that is not named like one.
fn snapshots(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        snapshots.extend(Sequence::of(name, PREFIX, SUFFIX).map(|it| (it, path)));
    }
    snapshots.sort();
    Ok(snapshots)
}

/// Deletes all but the latest `keep` snapshots.
fn delete_oldest(directory: &Path, keep: usize) -> io::Result<()> {
    let snapshots = snapshots(directory)?;
    let surplus = snapshots.len().saturating_sub(keep);
    snapshots[..surplus].iter().try_for_each(|it| fs::remove_file(&it.1))
}

fn complain(error: &Error) {
    eprintln!("highwater: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_snapshots_are_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let names = [
            "heap-1000000000001.pb.gz",
            "heap-1000000000003.pb.gz",
            "heap-1000000000002.pb.gz",
            "heap-x.pb.gz",
            "notes",
        ];
        for name in names {
            fs::write(directory.path().join(name), name).unwrap();
        }
        delete_oldest(directory.path(), 2).unwrap();
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["heap-1000000000002.pb.gz", "heap-1000000000003.pb.gz", "heap-x.pb.gz", "notes"]);
    }

    #[test]
    fn a_program_without_the_allocator_is_told_what_to_add() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("heap.pb.gz");
        let error = Profiler::new(&file).finish().unwrap_err();
        assert!(error.to_string().contains("#[global_allocator]"), "{error}");
        assert!(!file.exists());
    }
}
