//! The latest snapshots on disk: so many, and so many bytes, at the most.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highwater::Snapshot;
use highwater_profile::file::{FileError, write_durably};
use highwater_profile::pprof;

const PREFIX: &str = "heap-";
const SUFFIX: &str = ".pb.gz";

/// How temporary files of `write_durably` begin and end. One that is there when a watch starts is what a killed process
/// left.
const TEMPORARY: (&str, &str) = (".highwater-", ".tmp");

/// A directory of snapshots. Their names sort by time.
#[derive(Debug)]
pub(crate) struct Ring {
    directory: PathBuf,
    max_files: usize,
    max_bytes: u64,
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
        let ring = Self { directory, max_files: max_files.max(1), max_bytes, own: Vec::new() };
        for path in ring.files(TEMPORARY)? {
            fs::remove_file(path)?;
        }
        Ok(ring)
    }

    /// Writes a snapshot, and deletes the oldest ones that are too many. The newest stays, however large.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing is deleted. When one cannot be deleted.
    pub(crate) fn add(&mut self, time_ms: u128, snapshot: &Snapshot) -> Result<PathBuf, FileError> {
        let path = self.directory.join(format!("{PREFIX}{time_ms:013}{SUFFIX}"));
        write_profile(&path, snapshot)?;
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
        for (index, path) in self.files((PREFIX, SUFFIX))?.iter().rev().enumerate() {
            kept_bytes += fs::metadata(path)?.len();
            if index > 0 && (index >= self.max_files || kept_bytes > self.max_bytes) {
                fs::remove_file(path)?;
                self.own.retain(|own| own != path);
            }
        }
        Ok(())
    }

    /// Files whose names begin and end so, sorted.
    fn files(&self, (prefix, suffix): (&str, &str)) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(prefix) && name.ends_with(suffix) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
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
        ring.own = ring.files((PREFIX, SUFFIX)).unwrap();
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

    const FILES: [(&str, usize); 4] =
        [("heap-1.pb.gz", 100), ("heap-2.pb.gz", 100), ("heap-3.pb.gz", 100), ("notes", 5)];

    #[test]
    fn files_and_bytes_are_bounded() {
        assert_eq!(ring(&FILES, 2, u64::MAX), ["heap-2.pb.gz", "heap-3.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 9, 250), ["heap-2.pb.gz", "heap-3.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 9, 50), ["heap-3.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 0, u64::MAX), ["heap-3.pb.gz", "notes"]);
        assert_eq!(ring(&FILES, 9, 300).len(), 4);
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".highwater-x1.tmp", "heap-1.pb.gz", "notes.tmp"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        Ring::open(directory.path().to_owned(), 1, 0).unwrap();
        assert!(!directory.path().join(".highwater-x1.tmp").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
