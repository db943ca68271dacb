//! Automatic snapshots: at the end of a scope or of the process, and at regular intervals.

mod last;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use highwater_profile::sequence::Sequence;
use highwater_recorder::own_memory;

use crate::background::Background;
use crate::{Error, Snapshot};

/// Writes a snapshot when it is dropped or the process exits, and optionally at regular intervals.
///
/// ```no_run
/// use std::time::Duration;
///
/// let _profiler = highwater::Profiler::builder()
///     .file("heap.pb.gz")
///     .every(Duration::from_secs(90), "snapshots")
///     .keep(40)
///     .on_signals()
///     .start()?;
/// # Ok::<(), highwater::Error>(())
/// ```
///
/// The last snapshot is written once: when this is dropped, or else when the process ends by
/// [`std::process::exit`] or by a return from `main`. With [`ProfilerBuilder::on_signals`] it is also written
/// when SIGTERM, SIGINT (Ctrl-C) or SIGHUP ends the process. Nothing can be written if the process ends by
/// SIGKILL, by `_exit`, or by an abort, such as a panic with `panic = "abort"`.
///
/// Errors during a drop, at the exit or in the background are printed to standard error; a program does not
/// fail because its profile could not be written.
///
/// A relative path is resolved in the working directory at the time of the call.
///
/// # Forks
///
/// The child of a fork has no thread that could continue the series: the series ends there, and the child's
/// profiler prints that to standard error when it ends. [`Profiler::go_on_in_child`] begins a series of the
/// child. The child's files have its process id in their names, such as `heap.4711.pb.gz`, so that they do
/// not replace the parent's.
#[derive(Debug)]
#[must_use = "the profile is written when this is dropped; give it a name: `let _profiler = …;`"]
pub struct Profiler {
    running: Arc<Running>,
}

/// The state of a profiler that the end of the process needs.
#[derive(Debug)]
struct Running {
    /// The process that started it. The child of a fork has a copy.
    process: u32,
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    /// The path for the last snapshot; `None` after it was written.
    file: Option<PathBuf>,
    series: Option<(Series, Going)>,
}

/// A running series.
#[derive(Debug)]
struct Going {
    stop: Arc<AtomicBool>,
    thread: Background,
}

/// The settings of a [`Profiler`].
#[derive(Clone, Debug)]
pub struct ProfilerBuilder {
    file: Option<PathBuf>,
    series: Option<(Duration, PathBuf)>,
    keep: usize,
    is_on_signals: bool,
}

#[derive(Clone, Debug)]
struct Series {
    directory: PathBuf,
    every: Duration,
    keep: usize,
    /// The end of the series's file names.
    suffix: String,
}

impl Profiler {
    /// A profiler that writes `file` when it is dropped or the process exits.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self::from_content(Content { file: Some(absolute(file.into())), series: None })
    }

    /// A builder for a profiler with more settings.
    pub fn builder() -> ProfilerBuilder {
        ProfilerBuilder {
            file: None,
            series: None,
            keep: ProfilerBuilder::DEFAULT_KEEP,
            is_on_signals: false,
        }
    }

    fn from_content(content: Content) -> Self {
        let running = Arc::new(Running { process: process::id(), content: Mutex::new(content) });
        last::add(&running);
        Self { running }
    }

    /// Ends the series, writes the last snapshot, and returns whether that worked.
    ///
    /// # Errors
    /// When the snapshot could not be taken or written.
    pub fn finish(self) -> Result<(), Error> {
        self.running.finish()
    }

    /// Begins a new series in the child of a fork, with the same period and in the same directory. Does
    /// nothing if there was no series, or if the series is running in this process.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn go_on_in_child(&self) -> Result<(), Error> {
        let Some(mut content) = last::lock_in_time(&self.running.content) else { return Ok(()) };
        if let Some((series, going)) = &mut content.series
            && !going.thread.is_here()
        {
            *going = series.of_child().start()?;
        }
        Ok(())
    }
}

impl Running {
    /// Ends the series, and writes the last snapshot if it was not written before.
    fn finish(&self) -> Result<(), Error> {
        let Some(mut content) = last::lock_in_time(&self.content) else { return Ok(()) };
        if let Some((series, going)) = content.series.take() {
            going.end(&series);
        }
        match content.file.take() {
            Some(file) => Snapshot::capture()?.write(self.name(file)),
            None => Ok(()),
        }
    }

    /// Writes the last snapshot, which may be written again later.
    fn write(&self) -> Result<(), Error> {
        let Some(content) = last::lock_in_time(&self.content) else { return Ok(()) };
        match &content.file {
            Some(file) => Snapshot::capture()?.write(self.name(file.clone())),
            None => Ok(()),
        }
    }

    /// The name of the file in this process.
    fn name(&self, file: PathBuf) -> PathBuf {
        if self.process == process::id() { file } else { of_process(&file, process::id()) }
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        if let Err(error) = self.running.finish() {
            complain(&error);
        }
        last::remove(&self.running);
    }
}

impl ProfilerBuilder {
    /// Number of snapshots of a series to keep, unless [`Self::keep`] sets another.
    pub const DEFAULT_KEEP: usize = 100;

    /// Writes a last snapshot to `file` when the profiler is dropped or the process exits. Default: none.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(absolute(file.into()));
        self
    }

    /// Writes a snapshot into `directory` (created if it is missing) after each `period`, at least a
    /// millisecond. The files are named `heap-<milliseconds since 1970-01-01 UTC>.pb.gz`. Their names sort in
    /// the order of the snapshots even if the clock is set back: then the number is one more than the
    /// previous one. Default: none.
    #[must_use]
    pub fn every(mut self, period: Duration, directory: impl Into<PathBuf>) -> Self {
        self.series = Some((period.max(Duration::from_millis(1)), absolute(directory.into())));
        self
    }

    /// Number of snapshots of the series to keep, at least 1; the oldest are deleted. Default:
    /// [`Self::DEFAULT_KEEP`].
    #[must_use]
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = files.max(1);
        self
    }

    /// Sets the version of the application for all profiles, like [`set_version`](crate::set_version).
    /// Default: the attribute `service.version` of `OTEL_RESOURCE_ATTRIBUTES`, or else the build id of the
    /// program.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        // A process has one version; the first one is used.
        crate::set_version(version);
        self
    }

    /// Also writes the last snapshot when SIGTERM, SIGINT (Ctrl-C) or SIGHUP asks the process to end; then
    /// the process ends by that signal as usual. A second signal ends it without waiting for the snapshot. An
    /// ignored signal stays ignored. A handler that the program set before is still called and decides
    /// whether the process ends; the snapshot is written in any case. A handler that the program sets later
    /// replaces this one. Unix only. Default: no.
    #[must_use]
    pub fn on_signals(mut self) -> Self {
        self.is_on_signals = true;
        self
    }

    /// Starts the profiler.
    ///
    /// # Errors
    /// When the directory cannot be created, no thread can be started, or signal handlers cannot be
    /// installed.
    pub fn start(self) -> Result<Profiler, Error> {
        let keep = self.keep;
        let series = match self.series {
            Some((every, directory)) => {
                let series = Series { directory, every, keep, suffix: SUFFIX.to_owned() };
                let going = series.start()?;
                Some((series, going))
            }
            None => None,
        };
        let profiler = Profiler::from_content(Content { file: self.file, series });
        if self.is_on_signals {
            last::catch_signals()?;
        }
        Ok(profiler)
    }
}

impl Series {
    fn start(&self) -> Result<Going, Error> {
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
    fn of_child(&self) -> Self {
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
    fn end(self, series: &Series) {
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

/// The absolute path, by the present working directory, which the program may change. If there is none, the
/// path stays relative, and using it will fail.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The file's name with a process id in front of its suffix: `heap.4711.pb.gz`.
fn of_process(file: &Path, process: u32) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(SUFFIX).or_else(|| name.rsplit_once('.').map(|it| it.0)).unwrap_or(&name);
    file.with_file_name(format!("{stem}.{process}{}", &name[stem.len()..]))
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
const SUFFIX: &str = ".pb.gz";

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

    #[test]
    fn the_child_of_a_fork_has_its_own_files() {
        for (name, expected) in
            [("a/heap.pb.gz", "a/heap.7.pb.gz"), ("heap", "heap.7"), ("my.heap.out", "my.heap.7.out")]
        {
            assert_eq!(of_process(Path::new(name), 7), Path::new(expected));
        }
    }

    #[test]
    fn an_error_names_the_missing_allocator() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("heap.pb.gz");
        let error = Profiler::new(&file).finish().unwrap_err();
        assert!(error.to_string().contains("#[global_allocator]"), "{error}");
        assert!(!file.exists());
    }
}
