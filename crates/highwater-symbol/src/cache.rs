//! Results on disk, by build id: what was found once is found again without any binary.
//!
//! One file for each build, in a directory that holds one version of the format. It is written beside its place and
//! renamed, and has a checksum; a file that does not read well counts as none, and one that cannot be written is
//! done without. So the cache can always be deleted.

pub(crate) mod record;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use highwater_profile::file::write_atomically;

use self::record::Record;

/// Changes whenever the file format or the way in which names are found does.
const VERSION: &str = "v2";
/// A file of the cache may have this many bytes: about a million addresses.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Where results are kept from one run to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// A directory of its own, which is made when there is something to keep.
    pub directory: PathBuf,
    /// How much may be in it. When it is more, the results that were not used for the longest time go.
    pub max_bytes: u64,
}

impl Cache {
    /// Bytes that a cache may have by default.
    pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

    /// The directory that the platform has for such things: `highwater/symbols` below `XDG_CACHE_HOME`, or else
    /// below `.cache` (macOS: `Library/Caches`) in the home directory. `None` without a home.
    pub fn in_user_directory() -> Option<Self> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(below_home)))?;
        Some(Self { directory: caches.join("highwater/symbols"), max_bytes: Self::DEFAULT_MAX_BYTES })
    }

    /// What is known of a build. Nothing when the id is not one that tells builds apart.
    pub(crate) fn load(&self, build_id: &str) -> Record {
        let read = || {
            let file = File::open(self.path(build_id)?).ok()?;
            let mut bytes = Vec::new();
            (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).ok()?;
            let record = record::decode(&bytes)?;
            // Results that are in use stay. If the time cannot be set, they go earlier.
            let _ = file.set_modified(SystemTime::now());
            Some(record)
        };
        read().unwrap_or_default()
    }

    /// Keeps what is known of a build. A failure changes nothing but the time that the next run takes.
    pub(crate) fn store(&self, build_id: &str, record: &Record) {
        let Some(path) = self.path(build_id) else { return };
        let bytes = record::encode(record);
        let fits = u64::try_from(bytes.len()).is_ok_and(|it| it <= MAX_FILE_BYTES.min(self.max_bytes));
        if !fits || path.parent().is_none_or(|it| fs::create_dir_all(it).is_err()) {
            return;
        }
        if write_atomically(&path, |out| out.write_all(&bytes)).is_ok() {
            self.make_room();
        }
    }

    fn path(&self, build_id: &str) -> Option<PathBuf> {
        // Shorter ones are no fingerprints, longer ones no build ids.
        let is_id = (16..=128).contains(&build_id.len()) && build_id.bytes().all(|it| it.is_ascii_hexdigit());
        is_id.then(|| self.directory.join(VERSION).join(build_id))
    }

    fn make_room(&self) {
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

/// When it was used last, path and size of each file of the cache.
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
    fn what_is_stored_is_found_by_build_id_only() {
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
    fn a_damaged_file_counts_as_none() {
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
    fn the_results_that_were_not_used_go_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = cache(directory.path());
        let ids: Vec<String> = (0..4).map(|it| format!("{it:040x}")).collect();
        for (age, id) in ids[..3].iter().rev().enumerate() {
            cache.store(id, &record(100));
            let file = File::open(cache.path(id).unwrap()).unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(1000 - age as u64);
            file.set_modified(time).unwrap();
        }
        // The oldest is used again, so it is not the oldest any more.
        assert_eq!(cache.load(&ids[2]), record(100));
        cache.max_bytes = 3 * fs::metadata(cache.path(&ids[0]).unwrap()).unwrap().len();
        cache.store(&ids[3], &record(100));
        let kept: Vec<bool> = ids.iter().map(|id| cache.load(id) != Record::default()).collect();
        assert_eq!(kept, [true, false, true, true]);
    }
}
