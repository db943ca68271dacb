//! Automatic snapshots: at the end of a scope or of the process, and at regular intervals.

mod complain;
mod last;
mod lock;
mod running;
mod series;

use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use complain::complain;
use lock::lock_in_time;
use running::{Content, Running};
use series::{SUFFIX, Series};

use crate::error::Error;

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

/// The settings of a [`Profiler`].
#[derive(Clone, Debug)]
pub struct ProfilerBuilder {
    file: Option<PathBuf>,
    series: Option<(Duration, PathBuf)>,
    keep: usize,
    is_on_signals: bool,
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
        let Some(mut content) = lock_in_time(&self.running.content) else { return Ok(()) };
        if let Some((series, going)) = &mut content.series
            && !going.thread.is_here()
        {
            *going = series.of_child().start()?;
        }
        Ok(())
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
        crate::who::set_version(version);
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

/// The absolute path, by the present working directory, which the program may change. If there is none, the
/// path stays relative, and using it will fail.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_missing_allocator() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("heap.pb.gz");
        let error = Profiler::new(&file).finish().unwrap_err();
        assert!(error.to_string().contains("#[global_allocator]"), "{error}");
        assert!(!file.exists());
    }
}
