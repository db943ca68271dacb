//! The latest snapshots on disk: so many, and so many bytes, at the most.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highwater::Snapshot;
use highwater_profile::file::{FileError, write_durably};
use highwater_profile::pprof;
use highwater_profile::sequence::Sequence;

const PREFIX: &str = "heap-";
const SUFFIX: &str = ".pb.gz";

/// How temporary files of `write_durably` begin and end. One that is there when a watch starts is what a killed process
/// left.
const TEMPORARY: (&str, &str) = (".highwater-", ".tmp");

/// A directory of snapshots. Their names sort in the order in which they were taken.
#[derive(Debug)]
pub(crate) struct Ring {
    directory: PathBuf,
    max_files: usize,
    max_bytes: u64,
    sequence: Sequence,
    /// The first snapshot of this process that is still there, and those after it.
    own: Vec<PathBuf>,
}

impl Ring {
    /// Takes a directory over, which is made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open(directory: PathBuf, max_files: usize, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        clear_temporary(&directory)?;
        let sequence = Sequence::behind(numbered(&directory)?.into_iter().map(|it| it.0));
        Ok(Self { directory, max_files: max_files.max(1), max_bytes, sequence, own: Vec::new() })
    }

    /// Writes a snapshot, and deletes the oldest ones that are too many. The newest stays, however large.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing is deleted. When one cannot be deleted.
    pub(crate) fn add(&mut self, time_ms: u64, snapshot: &Snapshot) -> Result<PathBuf, FileError> {
        self.add_with(time_ms, |path| write_profile(path, snapshot))
    }

    fn add_with(
        &mut self,
        time_ms: u64,
        write: impl FnOnce(&Path) -> Result<(), FileError>,
    ) -> Result<PathBuf, FileError> {
        let number = self.sequence.next_at(time_ms);
        let path = self.directory.join(format!("{PREFIX}{number:013}{SUFFIX}"));
        write(&path)?;
        self.own.push(path.clone());
        self.trim().map_err(|source| FileError::Write { path: self.directory.clone(), source })?;
        Ok(path)
    }

    /// The oldest snapshot of this process that is still there.
    pub(crate) fn oldest(&self) -> Option<&Path> {
        self.own.iter().find(|path| path.exists()).map(PathBuf::as_path)
    }

    fn trim(&mut self) -> io::Result<()> {
        let mut kept_bytes = 0;
        for (index, (_, path)) in numbered(&self.directory)?.iter().rev().enumerate() {
            kept_bytes += fs::metadata(path)?.len();
            if index > 0 && (index >= self.max_files || kept_bytes > self.max_bytes) {
                fs::remove_file(path)?;
                self.own.retain(|own| own != path);
            }
        }
        Ok(())
    }
}

/// The snapshots of a directory with their numbers, the oldest first.
fn numbered(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        files.extend(Sequence::of(name, PREFIX, SUFFIX).map(|it| (it, path)));
    }
    files.sort();
    Ok(files)
}

/// Deletes what `write_durably` left in a directory when the process was killed meanwhile.
///
/// # Errors
/// When it cannot be read, or something not be deleted.
pub(crate) fn clear_temporary(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes a snapshot so that it is there even if the process is killed next.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_profile(path: &Path, snapshot: &Snapshot) -> Result<(), FileError> {
    let profile = snapshot.to_profile();
    write_durably(path, |out| pprof::write(&profile, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(files: &[(&str, usize)], max_files: usize, max_bytes: u64) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(directory.path().to_owned(), max_files, max_bytes).unwrap();
        for (name, bytes) in files {
            fs::write(directory.path().join(name), vec![0; *bytes]).unwrap();
        }
        ring.own = numbered(directory.path()).unwrap().into_iter().map(|it| it.1).collect();
        ring.trim().unwrap();
        let oldest = ring.oldest().map(Path::to_owned);
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let first = left.iter().find(|name| name.ends_with(SUFFIX));
        assert_eq!(oldest.as_deref().and_then(|it| it.file_name()?.to_str()), first.map(String::as_str));
        left
    }

    const FILES: [(&str, usize); 4] = [
        ("heap-0000000000001.pb.gz", 100),
        ("heap-0000000000002.pb.gz", 100),
        ("heap-0000000000003.pb.gz", 100),
        ("notes", 5),
    ];

    #[test]
    fn files_and_bytes_are_bounded() {
        assert_eq!(
            ring(&FILES, 2, u64::MAX),
            ["heap-0000000000002.pb.gz", "heap-0000000000003.pb.gz", "notes"]
        );
        assert_eq!(ring(&FILES, 9, 250), ["heap-0000000000002.pb.gz", "heap-0000000000003.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 9, 50), ["heap-0000000000003.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 0, u64::MAX), ["heap-0000000000003.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 9, 300).len(), 4);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_no_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(directory.path().to_owned(), 3, u64::MAX).unwrap();
        let write = |path: &Path| {
            fs::write(path, "content").unwrap();
            Ok(())
        };
        let hour_ms = 3_600_000;
        let times = [2 * hour_ms, 2 * hour_ms + 1, 2 * hour_ms + 2, hour_ms, hour_ms + 1];
        let added: Vec<PathBuf> = times.iter().map(|&it| ring.add_with(it, write).unwrap()).collect();
        // The latest three are there, and none of those from before the clock was set.
        assert_eq!(added.iter().map(|it| it.exists()).collect::<Vec<_>>(), [false, false, true, true, true]);
        assert!(added.is_sorted());
        // The next process goes on behind them.
        let mut ring = Ring::open(directory.path().to_owned(), 3, u64::MAX).unwrap();
        assert!(ring.add_with(hour_ms, write).unwrap() > added[4]);
        assert!(!added[2].exists() && added[4].exists());
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".highwater-x1.tmp", "heap-0000000000001.pb.gz", "notes.tmp"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        Ring::open(directory.path().to_owned(), 1, 0).unwrap();
        assert!(!directory.path().join(".highwater-x1.tmp").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
