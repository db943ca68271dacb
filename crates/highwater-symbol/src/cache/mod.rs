//! Results on disk, by build id: names that were found once are available later without any binary.
//!
//! Each build has one file, in a directory for one version of the format. A file is written under another
//! name and renamed, and has a checksum. A damaged file counts as missing, and an error while writing is
//! ignored. So the cache can be deleted at any time.

pub(crate) mod record;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use highwater_profile::file::write_atomically;

use self::record::Record;

/// Must change with the file format and with the way in which names are found.
const VERSION: &str = "v2";
/// Maximum bytes of a file in the cache: about a million addresses.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The cache of results between runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The cache's own directory. It is created with the first result.
    pub directory: PathBuf,
    /// Maximum bytes of all files. Beyond that, the least recently used results are deleted.
    pub max_bytes: u64,
}

impl Cache {
    /// Default for the maximum bytes of a cache.
    pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

    /// The platform's directory for caches: `highwater/symbols` below `XDG_CACHE_HOME`, or else below
    /// `.cache` (macOS: `Library/Caches`) in the home directory. `None` if there is no home directory.
    pub fn in_user_directory() -> Option<Self> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(below_home)))?;
        Some(Self { directory: caches.join("highwater/symbols"), max_bytes: Self::DEFAULT_MAX_BYTES })
    }

    /// The stored results of a build; empty if the id does not identify a build.
    pub(crate) fn load(&self, build_id: &str) -> Record {
        let read = || {
            let file = File::open(self.path(build_id)?).ok()?;
            let mut bytes = Vec::new();
            (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).ok()?;
            let record = record::decode(&bytes)?;
            // Marks the file as recently used. If that fails, it is deleted earlier.
            let _ = file.set_modified(SystemTime::now());
            Some(record)
        };
        read().unwrap_or_default()
    }

    /// Stores the results of a build. A failure only makes the next run slower.
    pub(crate) fn store(&self, build_id: &str, record: &Record) {
        let Some(path) = self.path(build_id) else { return };
        let bytes = record::encode(record);
        let fits = u64::try_from(bytes.len()).is_ok_and(|it| it <= MAX_FILE_BYTES.min(self.max_bytes));
        if !fits || path.parent().is_none_or(|it| fs::create_dir_all(it).is_err()) {
            return;
        }
        if write_atomically(&path, |out| out.write_all(&bytes)).is_ok() {
            self.delete_oldest();
        }
    }

    fn path(&self, build_id: &str) -> Option<PathBuf> {
        // Shorter ids do not identify a build, and longer ones are not build ids.
        let is_id = (16..=128).contains(&build_id.len()) && build_id.bytes().all(|it| it.is_ascii_hexdigit());
        is_id.then(|| self.directory.join(VERSION).join(build_id))
    }

    fn delete_oldest(&self) {
        let mut files = files(&self.directory.join(VERSION));
        let mut bytes: u64 = files.iter().map(|it| it.2).sum();
        files.sort();
        for (_, path, size) in files {
            if bytes <= self.max_bytes {
                break;
            }
            if fs::remove_file(path).is_ok() {
                bytes -= size;
            }
        }
    }
}

/// Time of last use, path and size of each file in the cache.
fn files(directory: &Path) -> Vec<(SystemTime, PathBuf, u64)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let facts = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((metadata.modified().ok()?, entry.path(), metadata.len()))
    };
    entries.flatten().filter_map(facts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dwarf::Frame;

    const ID: &str = "00112233445566778899aabbccddeeff00112233";

    fn cache(directory: &Path) -> Cache {
        Cache { directory: directory.to_owned(), max_bytes: 1 << 20 }
    }

    fn record(addresses: u64) -> Record {
        let frame = Frame { name: Some("demo::main".to_owned()), line: Some(7), ..Frame::default() };
        Record { complete: true, frames: (0..addresses).map(|it| (it, vec![frame.clone()])).collect() }
    }

    #[test]
    fn results_are_found_by_build_id_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path());
        assert_eq!(cache.load(ID), Record::default());
        cache.store(ID, &record(3));
        assert_eq!(cache.load(ID), record(3));
        assert_eq!(cache.load(&ID.replace('3', "4")), Record::default());
        for no_id in ["", "0011", "../../../../etc/passwd", "not hexadecimal at all"] {
            cache.store(no_id, &record(3));
            assert_eq!(cache.load(no_id), Record::default());
        }
    }

    #[test]
    fn a_damaged_file_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path());
        cache.store(ID, &record(3));
        let path = cache.path(ID).unwrap();
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(cache.load(ID), Record::default(), "byte {place}");
            fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(cache.load(ID), Record::default(), "length {place}");
        }
    }

    #[test]
    fn unused_results_are_deleted_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = cache(directory.path());
        let ids: Vec<String> = (0..4).map(|it| format!("{it:040x}")).collect();
        for (age, id) in ids[..3].iter().rev().enumerate() {
            cache.store(id, &record(100));
            let file = File::open(cache.path(id).unwrap()).unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(1000 - age as u64);
            file.set_modified(time).unwrap();
        }
        // The oldest result was used again, so another one is the oldest now.
        assert_eq!(cache.load(&ids[2]), record(100));
        cache.max_bytes = 3 * fs::metadata(cache.path(&ids[0]).unwrap()).unwrap().len();
        cache.store(&ids[3], &record(100));
        let kept: Vec<bool> = ids.iter().map(|id| cache.load(id) != Record::default()).collect();
        assert_eq!(kept, [true, false, true, true]);
    }
}
