//! The state of a profiler that the end of the process needs.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;

use super::lock::lock_in_time;
use super::series::{Going, SUFFIX, Series};
use crate::error::Error;
use crate::snapshot::Snapshot;

/// The state of a profiler that the end of the process needs.
#[derive(Debug)]
pub(super) struct Running {
    /// The process that started it. The child of a fork has a copy.
    pub(super) process: u32,
    pub(super) content: Mutex<Content>,
}

#[derive(Debug)]
pub(super) struct Content {
    /// The path for the last snapshot; `None` after it was written.
    pub(super) file: Option<PathBuf>,
    pub(super) series: Option<(Series, Going)>,
}

impl Running {
    /// Ends the series, and writes the last snapshot if it was not written before.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let Some(mut content) = lock_in_time(&self.content) else { return Ok(()) };
        if let Some((series, going)) = content.series.take() {
            going.end(&series);
        }
        match content.file.take() {
            Some(file) => Snapshot::capture()?.write(self.name(file)),
            None => Ok(()),
        }
    }

    /// Writes the last snapshot, which may be written again later.
    pub(super) fn write(&self) -> Result<(), Error> {
        let Some(content) = lock_in_time(&self.content) else { return Ok(()) };
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

/// The file's name with a process id in front of its suffix: `heap.4711.pb.gz`.
fn of_process(file: &Path, process: u32) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(SUFFIX).or_else(|| name.rsplit_once('.').map(|it| it.0)).unwrap_or(&name);
    file.with_file_name(format!("{stem}.{process}{}", &name[stem.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_of_a_fork_has_its_own_files() {
        for (name, expected) in
            [("a/heap.pb.gz", "a/heap.7.pb.gz"), ("heap", "heap.7"), ("my.heap.out", "my.heap.7.out")]
        {
            assert_eq!(of_process(Path::new(name), 7), Path::new(expected));
        }
    }
}
