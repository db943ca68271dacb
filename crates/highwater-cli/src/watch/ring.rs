//! The ring of snapshots: the newest of them, in a directory that nobody else writes to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use highwater_profile::file::{FileError, write_atomically};
use highwater_profile::sequence::Sequence;

use crate::error::CliError;

const PREFIX: &str = "watch-";

/// The file that is held while a watch writes beside it.
pub(crate) const LOCK: &str = "watch.lock";

/// The first bytes of what gzip packed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Files named `watch-<milliseconds since 1970>`, of which the newest are kept. Nothing of another name is touched.
#[derive(Debug)]
pub(crate) struct Ring {
    directory: PathBuf,
    keep: usize,
    /// Oldest first.
    files: Vec<PathBuf>,
    sequence: Sequence,
    /// Held while the watch runs: two of them would delete each other's files.
    _lock: File,
}

impl Ring {
    /// The ring below `out`, with what is left there from former watches.
    ///
    /// # Errors
    /// When the directory cannot be made or written to, or another watch uses it.
    pub(crate) fn open(out: &Path, keep: usize) -> Result<Self, CliError> {
        let directory = out.join("ring");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CliError::File(FileError::Write { path, source })
        };
        fs::create_dir_all(&directory).map_err(failed(&directory))?;
        let lock_path = out.join(LOCK);
        let lock = File::create(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CliError::Watched(out.to_owned())),
            // Some file systems of networks have no locks; then it is for the user to start one watch only.
            Err(TryLockError::Error(_)) => {}
        }
        let mut files = Vec::new();
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed(&directory))? {
            let path = entry.map_err(failed(&directory))?.path();
            if let Some(number) = number_of(&path) {
                numbers.push(number);
                files.push(path);
            }
        }
        files.sort();
        Ok(Self { directory, keep, files, sequence: Sequence::behind(numbers), _lock: lock })
    }

    /// Where the files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds a snapshot that is in memory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<PathBuf, CliError> {
        let path = self.next_path(bytes.starts_with(&GZIP));
        write_atomically(&path, |out| out.write_all(bytes))?;
        self.push(path)
    }

    /// Adds a snapshot that another program wrote: a second name for the same file where the system allows it, so that
    /// nothing is copied and the other program may still delete its own.
    ///
    /// # Errors
    /// When it can neither be linked nor copied.
    pub(crate) fn add_file(&mut self, from: &Path) -> Result<PathBuf, CliError> {
        let path = self.next_path(from.extension().is_some_and(|it| it == "gz"));
        if fs::hard_link(from, &path).is_err() {
            let mut source =
                File::open(from).map_err(|source| FileError::Open { path: from.to_owned(), source })?;
            write_atomically(&path, |mut out| io::copy(&mut source, &mut out).map(drop))?;
        }
        self.push(path)
    }

    /// A name that sorts after all others.
    fn next_path(&mut self, packed: bool) -> PathBuf {
        let number = self.sequence.next_now();
        let ending = if packed { "pb.gz" } else { "profile" };
        self.directory.join(format!("{PREFIX}{number:013}.{ending}"))
    }

    fn push(&mut self, path: PathBuf) -> Result<PathBuf, CliError> {
        self.files.push(path.clone());
        while self.files.len() > self.keep {
            let oldest = self.files.remove(0);
            match fs::remove_file(&oldest) {
                // Somebody tidied up before us.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome.map_err(|source| FileError::Write { path: oldest, source })?,
            }
        }
        Ok(path)
    }

    /// Whether a file is still in the ring.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.files.iter().any(|it| it == path)
    }
}

/// The number in a name of this ring's own.
fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    [".pb.gz", ".profile"].into_iter().find_map(|it| Sequence::of(name, PREFIX, it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_are_kept_and_nothing_else_is_touched() {
        let out = tempfile::tempdir().unwrap();
        let ring_path = out.path().join("ring");
        fs::create_dir(&ring_path).unwrap();
        // Of a former watch whose clock was ahead; and files of others.
        for name in ["watch-9000000000000.pb.gz", "watch-1.pb.gz", "watch-x.pb.gz", "heap.pb.gz"] {
            fs::write(ring_path.join(name), name).unwrap();
        }
        let mut ring = Ring::open(out.path(), 2).unwrap();
        let first = ring.add(b"text").unwrap();
        assert_eq!(first, ring_path.join("watch-9000000000001.profile"));
        let second = ring.add(&[0x1f, 0x8b, 1]).unwrap();
        let third = ring.add(&[0x1f, 0x8b, 2]).unwrap();
        assert!(!ring.has(&first) && ring.has(&second) && ring.has(&third));
        assert_eq!(
            names(&ring_path),
            [
                "heap.pb.gz",
                "watch-1.pb.gz",
                "watch-9000000000002.pb.gz",
                "watch-9000000000003.pb.gz",
                "watch-x.pb.gz"
            ]
        );
    }

    #[test]
    fn a_file_of_another_program_stays_where_it_is() {
        let out = tempfile::tempdir().unwrap();
        let theirs = out.path().join("heap-1.pb.gz");
        fs::write(&theirs, "content").unwrap();
        let mut ring = Ring::open(out.path(), 1).unwrap();
        let ours = ring.add_file(&theirs).unwrap();
        fs::remove_file(&theirs).unwrap();
        assert_eq!(fs::read(&ours).unwrap(), b"content", "it outlives theirs");
        fs::write(&theirs, "content").unwrap();
        ring.add(b"next").unwrap();
        assert!(!ours.exists() && theirs.exists());
    }

    #[test]
    fn two_watches_do_not_share_a_ring() {
        let out = tempfile::tempdir().unwrap();
        let ring = Ring::open(out.path(), 1).unwrap();
        assert!(matches!(Ring::open(out.path(), 1), Err(CliError::Watched(_))));
        drop(ring);
        Ring::open(out.path(), 1).unwrap();
    }
}
