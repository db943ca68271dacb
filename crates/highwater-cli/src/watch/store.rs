//! The output of a watch: a ring of snapshots and folders of incidents, in a directory that no other watch
//! uses.

use std::fs::File;
use std::path::{Path, PathBuf};

use highwater_profile::file::{
    FileError, Folders, Owner, Ring, RingNames, link_or_copy, take_directory, write_atomically,
};

use super::event::now_ns;
use crate::error::CliError;

/// The names of the ring's files, compressed and not.
const NAMES: RingNames = RingNames { prefix: "watch-", endings: &["pb.gz", "profile"] };

/// The first bytes of gzip data.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The directory of a watch.
#[derive(Debug)]
pub(crate) struct Store {
    ring: Ring,
    incidents: PathBuf,
    /// Held while the watch runs, because two watches would delete each other's files.
    _lock: Option<File>,
}

impl Store {
    /// Opens a directory, with the snapshots of earlier watches. Removes their unfinished files.
    ///
    /// # Errors
    /// When the directory cannot be created or written to, or another watch uses it.
    pub(crate) fn open(out: &Path, keep: usize) -> Result<Self, CliError> {
        let lock = match take_directory(out).map_err(failed(out))? {
            Owner::Own(lock) => Some(lock),
            Owner::Other => return Err(CliError::Watched(out.to_owned())),
            Owner::Unknown => None,
        };
        let (ring, incidents) = (out.join("ring"), out.join("incidents"));
        let ring = Ring::open(ring.clone(), NAMES, keep, u64::MAX).map_err(failed(&ring))?;
        let store = Self { ring, incidents, _lock: lock };
        if store.incidents.exists() {
            store.incidents()?;
        }
        Ok(store)
    }

    /// The directory of the snapshots.
    pub(crate) fn ring(&self) -> &Path {
        self.ring.directory()
    }

    /// The folders of incidents. The directory is created with the first incident.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub(crate) fn incidents(&self) -> Result<Folders, CliError> {
        Folders::open(self.incidents.clone()).map_err(failed(&self.incidents))
    }

    /// The cleanup for a process that ends in the middle of an incident.
    pub(crate) fn at_end(&self) -> impl FnOnce() + Send + use<> {
        let incidents = self.incidents.clone();
        move || {
            if incidents.exists() {
                // If this fails, the next watch removes the rest.
                let _ = Folders::open(incidents);
            }
        }
    }

    /// Adds a snapshot that is in memory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<PathBuf, CliError> {
        let write = |path: &Path| write_atomically(path, |out| out.write_all(bytes));
        Ok(self.ring.add(now_ms(), ending(bytes.starts_with(&GZIP)), write)?)
    }

    /// Adds a snapshot that another program wrote, as a hard link if the system allows it. Then nothing is
    /// copied, and the other program may still delete its own file.
    ///
    /// # Errors
    /// When it can neither be linked nor copied.
    pub(crate) fn add_file(&mut self, from: &Path) -> Result<PathBuf, CliError> {
        let ending = ending(from.extension().is_some_and(|it| it == "gz"));
        Ok(self.ring.add(now_ms(), ending, |path| link_or_copy(from, path))?)
    }

    /// Whether a snapshot is still in the ring.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.ring.has(path)
    }
}

fn ending(is_packed: bool) -> &'static str {
    NAMES.endings[usize::from(!is_packed)]
}

fn now_ms() -> u64 {
    u64::try_from(now_ns() / 1_000_000).unwrap_or(0)
}

/// The error for a path that cannot be written to.
pub(crate) fn failed(path: &Path) -> impl Fn(std::io::Error) -> CliError + use<> {
    let path = path.to_owned();
    move |source| CliError::File(FileError::Write { path: path.clone(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn snapshots_continue_the_numbers_of_earlier_watches() {
        let out = tempfile::tempdir().unwrap();
        let ring = out.path().join("ring");
        fs::create_dir(&ring).unwrap();
        fs::write(ring.join("watch-9000000000000.pb.gz"), "of a watch whose clock was ahead").unwrap();
        let mut store = Store::open(out.path(), 2).unwrap();
        let first = store.add(b"text").unwrap();
        assert_eq!(first, ring.join("watch-9000000000001.profile"));
        let second = store.add(&[0x1f, 0x8b, 1]).unwrap();
        let third = store.add(&[0x1f, 0x8b, 2]).unwrap();
        assert_eq!([&first, &second, &third].map(|it| store.has(it)), [false, true, true]);
        assert!(third.ends_with("watch-9000000000003.pb.gz") && !first.exists(), "{third:?}");
    }

    #[test]
    fn a_file_of_another_program_stays_where_it_is() {
        let out = tempfile::tempdir().unwrap();
        let theirs = out.path().join("heap-1.pb.gz");
        fs::write(&theirs, "content").unwrap();
        let mut store = Store::open(out.path(), 1).unwrap();
        let ours = store.add_file(&theirs).unwrap();
        fs::remove_file(&theirs).unwrap();
        assert_eq!(fs::read(&ours).unwrap(), b"content", "it outlives theirs");
        fs::write(&theirs, "content").unwrap();
        store.add(b"next").unwrap();
        assert!(!ours.exists() && theirs.exists());
    }

    #[test]
    fn two_watches_do_not_share_a_directory() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::open(out.path(), 1).unwrap();
        assert!(matches!(Store::open(out.path(), 1), Err(CliError::Watched(_))));
        drop(store);
        Store::open(out.path(), 1).unwrap();
    }

    #[test]
    fn unfinished_folders_are_removed_at_the_end_and_at_the_next_start() {
        let out = tempfile::tempdir().unwrap();
        let half = out.path().join("incidents/.unfinished-20260301T123456Z-spike");
        let store = Store::open(out.path(), 1).unwrap();
        store.at_end()();
        assert!(!out.path().join("incidents").exists());
        fs::create_dir_all(&half).unwrap();
        store.at_end()();
        assert!(!half.exists());
        fs::create_dir_all(&half).unwrap();
        drop(store);
        Store::open(out.path(), 1).unwrap();
        assert!(!half.exists());
    }
}
