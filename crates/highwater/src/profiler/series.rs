//! A series of snapshots at regular intervals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use highwater_profile::sequence::Sequence;
use highwater_recorder::own_memory;

use super::complain::complain;
use crate::background::Background;
use crate::error::Error;
use crate::snapshot::Snapshot;

/// A running series.
#[derive(Debug)]
pub(super) struct Going {
    stop: Arc<AtomicBool>,
    pub(super) thread: Background,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) directory: PathBuf,
    pub(super) every: Duration,
    pub(super) keep: usize,
    /// The end of the series's file names.
    pub(super) suffix: String,
}

impl Series {
    pub(super) fn start(&self) -> Result<Going, Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (series, stopped) = (self.clone(), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("highwater".to_owned())
            .spawn(move || {
                while wait(series.every, &stopped) {
                    own_memory(|| {
                        if let Err(error) = series.write_next() {
                            complain(&error);
                        }
                    });
                }
            })
            .map_err(failed)?;
        Ok(Going { stop, thread: Background::new(thread) })
    }

    /// The same series in the child of a fork. Its files have another suffix than the parent's.
    pub(super) fn of_child(&self) -> Self {
        Self { suffix: format!("-{}{SUFFIX}", process::id()), ..self.clone() }
    }

    fn write_next(&self) -> Result<(), Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        let snapshot = Snapshot::capture()?;
        let there = snapshots(&self.directory, &self.suffix).map_err(failed)?;
        let number = Sequence::behind(there.iter().map(|it| it.0)).next_now();
        snapshot.write(self.directory.join(format!("{PREFIX}{number:013}{}", self.suffix)))?;
        delete_oldest(&self.directory, &self.suffix, self.keep).map_err(failed)
    }
}

impl Going {
    /// Ends the series. In the child of a fork it has ended already, and a message says so.
    pub(super) fn end(self, series: &Series) {
        /// Maximum wait for a snapshot that is being written.
        const LAST: Duration = Duration::from_secs(5);
        let Self { stop, thread } = self;
        if !thread.is_here() {
            eprintln!(
                "highwater: the series in {} ended for process {} when it was forked; Profiler::go_on_in_child begins one of its own",
                series.directory.display(),
                process::id()
            );
            return;
        }
        stop.store(true, Ordering::Release);
        if let Some(thread) = thread.thread() {
            thread.unpark();
        }
        thread.join_within(LAST);
    }
}

/// Waits for `period`; false as soon as `stop` is set. Parks the thread, because waiting at a channel
/// allocates.
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
pub(super) const SUFFIX: &str = ".pb.gz";

/// The snapshots of a series with their numbers, oldest first. Other files are not included.
fn snapshots(directory: &Path, suffix: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        snapshots.extend(Sequence::of(name, PREFIX, suffix).map(|it| (it, path)));
    }
    snapshots.sort();
    Ok(snapshots)
}

/// Deletes all but the latest `keep` snapshots.
fn delete_oldest(directory: &Path, suffix: &str, keep: usize) -> io::Result<()> {
    let snapshots = snapshots(directory, suffix)?;
    let surplus = snapshots.len().saturating_sub(keep);
    snapshots[..surplus].iter().try_for_each(|it| fs::remove_file(&it.1))
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
            "heap-1000000000000-4711.pb.gz",
            "heap-x.pb.gz",
            "notes",
        ];
        for name in names {
            fs::write(directory.path().join(name), name).unwrap();
        }
        delete_oldest(directory.path(), SUFFIX, 2).unwrap();
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = names;
        expected.sort_unstable();
        assert_eq!(left, expected[..1].iter().chain(&expected[2..]).copied().collect::<Vec<_>>());
    }
}
