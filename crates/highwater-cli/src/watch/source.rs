//! The source of snapshots: an address to request, or a directory into which the program itself writes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use highwater_profile::Limits;
use highwater_profile::file::{self, LOCK};

use super::fetch::{Endpoint, FetchError};
use super::stop::Stop;
use crate::series::clock::{self, Stamp};

/// Longest delay before Ctrl-C is noticed during a request.
const GLANCE: Duration = Duration::from_millis(50);

/// The source of snapshots.
#[derive(Debug)]
pub(crate) enum Source {
    Endpoint(Endpoint),
    Directory(Directory),
}

impl Source {
    /// The displayed name of the source.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Endpoint(endpoint) => endpoint.to_string(),
            Self::Directory(directory) => directory.path().display().to_string(),
        }
    }
}

/// The server's answer, or why there is none; `None` if the watch was ended meanwhile.
pub(crate) fn scrape(
    endpoint: &Endpoint,
    timeout: Duration,
    limit_bytes: u64,
    stop: &Stop,
) -> Option<Result<Vec<u8>, FetchError>> {
    let (sender, receiver) = channel();
    let endpoint = endpoint.clone();
    // If the watch has ended, nobody receives the answer, and the thread ends with the process.
    thread::spawn(move || drop(sender.send(endpoint.fetch(timeout, limit_bytes))));
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Timeout) if stop.is_asked() || stop.is_late() => return None,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Some(Err(FetchError::Protocol("the request broke off".to_owned())));
            }
        }
    }
}

/// Distinguishes a file from an earlier one with the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// A directory, and which of its files have been looked at.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    seen: HashMap<PathBuf, Version>,
}

impl Directory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, seen: HashMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The files that are new or changed since the last look, in order of the times inside them, at most the
    /// newest `most`. Hidden files, temporary files and directories are skipped.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(crate) fn look(&mut self, most: usize, limits: &Limits) -> std::io::Result<Vec<PathBuf>> {
        let mut present = HashMap::new();
        let mut new = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".pid") || name == LOCK {
                continue;
            }
            // The file may be gone already, because its program deletes the oldest ones.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !metadata.is_file() {
                continue;
            }
            let version = Version { bytes: metadata.len(), modified: metadata.modified().ok() };
            if self.seen.get(&path) != Some(&version) {
                new.push((version.modified, path.clone()));
            }
            present.insert(path, version);
        }
        // Forgets the files that are gone.
        self.seen = present;
        new.sort();
        new.drain(..new.len().saturating_sub(most));
        let mut paths: Vec<PathBuf> = new.into_iter().map(|it| it.1).collect();
        if paths.len() > 1 {
            // A file that is no profile is reported when it is taken in.
            let stamp = |path: &PathBuf| Some(Stamp::new(path.clone(), &file::read(path, limits).ok()?));
            let (known, unknown): (Vec<_>, Vec<_>) =
                paths.into_iter().map(|it| (stamp(&it), it)).partition(|it| it.0.is_some());
            let stamps: Vec<Stamp> = known.into_iter().filter_map(|it| it.0).collect();
            let ordered = clock::order(&stamps).into_iter().map(|(at, _)| stamps[at].path.clone());
            paths = ordered.chain(unknown.into_iter().map(|it| it.1)).collect();
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use highwater_profile::{Profile, ValueType, pprof};

    use super::*;

    fn write(path: &Path, time_ns: i64) {
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        profile.time_ns = time_ns;
        file::write_atomically(path, |out| pprof::write(&profile, out)).unwrap();
    }

    #[test]
    fn files_are_seen_once_and_in_order_of_their_times() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for (name, time_ns) in [("a", 3), ("b", 1), ("c", 2)] {
            write(&path(name), time_ns);
        }
        for name in [".hidden", "half.tmp", "app.pid"] {
            fs::write(path(name), "1").unwrap();
        }
        fs::create_dir(path("ring")).unwrap();
        let mut directory = Directory::new(place.path().to_owned());
        let mut look = |most| directory.look(most, &Limits::default()).unwrap();
        assert_eq!(look(9), [path("b"), path("c"), path("a")]);
        assert!(look(9).is_empty());
        // Written in place, so it is another version.
        fs::write(path("b"), "something of another length").unwrap();
        assert_eq!(look(9), [path("b")]);
        for name in ["d", "e", "f"] {
            write(&path(name), 9);
        }
        assert_eq!(look(2).len(), 2);
        assert!(look(9).is_empty(), "what was too much is not made up for");
    }
}
