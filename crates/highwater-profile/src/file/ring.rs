//! The latest files of a kind on disk, up to a number of files and a number of bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::write::is_temporary;
use crate::sequence::Sequence;

/// How the files of a ring are named: `<prefix><number>.<ending>`.
#[derive(Clone, Copy, Debug)]
pub struct RingNames {
    /// Before the number.
    pub prefix: &'static str,
    /// What may follow it, without the dot.
    pub endings: &'static [&'static str],
}

/// A directory of numbered files. The newest are kept. Their names sort in the order in which they were made,
/// whatever the clock does. Nothing of another name is touched.
#[derive(Debug)]
pub struct Ring {
    directory: PathBuf,
    names: RingNames,
    max_files: usize,
    max_bytes: u64,
    sequence: Sequence,
    /// What this ring has added and still is there, the oldest first.
    own: Vec<PathBuf>,
}

impl Ring {
    /// Takes a directory over, which is made if it is missing, with the files that are left there. Half files
    /// that a killed process left are removed.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(directory: PathBuf, names: RingNames, max_files: usize, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        clear_temporary(&directory)?;
        let sequence = Sequence::behind(numbered(&directory, &names)?.into_iter().map(|it| it.0));
        Ok(Self { directory, names, max_files: max_files.max(1), max_bytes, sequence, own: Vec::new() })
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Has a file with this ending written, and deletes the oldest ones that are too many. The newest stays,
    /// however large.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is deleted. When one cannot be deleted.
    pub fn add(
        &mut self,
        now_ms: u64,
        ending: &str,
        write: impl FnOnce(&Path) -> Result<(), FileError>,
    ) -> Result<PathBuf, FileError> {
        let number = self.sequence.next_at(now_ms);
        let (prefix, digits) = (self.names.prefix, Sequence::DIGITS);
        let path = self.directory.join(format!("{prefix}{number:0digits$}.{ending}"));
        write(&path)?;
        self.own.push(path.clone());
        self.trim().map_err(|source| FileError::Write { path: self.directory.clone(), source })?;
        Ok(path)
    }

    /// The oldest file that was added by this ring and is still there.
    pub fn oldest(&self) -> Option<&Path> {
        self.own.iter().find(|path| path.exists()).map(PathBuf::as_path)
    }

    /// Whether a file was added by this ring, and was not deleted by it.
    pub fn has(&self, path: &Path) -> bool {
        self.own.iter().any(|it| it == path)
    }

    fn trim(&mut self) -> io::Result<()> {
        let mut kept_bytes = 0;
        for (index, (_, path)) in numbered(&self.directory, &self.names)?.iter().rev().enumerate() {
            // Another process may have removed it already.
            kept_bytes += present(fs::metadata(path))?.map_or(0, |it| it.len());
            if index > 0 && (index >= self.max_files || kept_bytes > self.max_bytes) {
                present(fs::remove_file(path))?;
                self.own.retain(|own| own != path);
            }
        }
        Ok(())
    }
}

/// `None` for what is not there.
fn present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// The files of a directory with their numbers, the oldest first.
fn numbered(directory: &Path, names: &RingNames) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = names.endings.iter().find_map(|it| name.strip_suffix(it)?.strip_suffix('.'));
        files.extend(stem.and_then(|it| Sequence::of(it, names.prefix, "")).map(|it| (it, path)));
    }
    files.sort();
    Ok(files)
}

/// Deletes what writing a file left in a directory when the process was killed meanwhile. There must be no
/// other one that writes there.
///
/// # Errors
/// When it cannot be read, or something not be deleted.
pub fn clear_temporary(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_temporary) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: RingNames = RingNames { prefix: "heap-", endings: &["pb.gz", "profile"] };

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn ring(files: &[(&str, usize)], max_files: usize, max_bytes: u64) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(directory.path().to_owned(), NAMES, max_files, max_bytes).unwrap();
        for (name, bytes) in files {
            fs::write(directory.path().join(name), vec![0; *bytes]).unwrap();
        }
        ring.own = numbered(directory.path(), &NAMES).unwrap().into_iter().map(|it| it.1).collect();
        ring.trim().unwrap();
        let left = names(directory.path());
        let first = left.iter().find(|name| name.starts_with("heap-0"));
        let oldest = ring.oldest().and_then(|it| it.file_name()?.to_str());
        assert_eq!(oldest, first.map(String::as_str));
        assert!(left.iter().all(|it| ring.has(&directory.path().join(it)) == it.starts_with("heap-0")));
        left
    }

    const FILES: [(&str, usize); 5] = [
        ("heap-0000000000001.pb.gz", 100),
        ("heap-0000000000002.profile", 100),
        ("heap-0000000000003.pb.gz", 100),
        ("heap-x.pb.gz", 1000),
        ("notes", 5),
    ];

    #[test]
    fn files_and_bytes_are_bounded() {
        let (others, last) = (["heap-x.pb.gz", "notes"], "heap-0000000000003.pb.gz");
        let two = [&["heap-0000000000002.profile", last][..], &others].concat();
        assert_eq!(ring(&FILES, 2, u64::MAX), two);
        assert_eq!(ring(&FILES, 9, 250), two);
        let one = [&[last][..], &others].concat();
        assert_eq!(ring(&FILES, 9, 50), one);
        assert_eq!(ring(&FILES, 0, u64::MAX), one);
        assert_eq!(ring(&FILES, 9, 300).len(), 5);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_no_order() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Ring::open(directory.path().to_owned(), NAMES, 3, u64::MAX).unwrap();
        let mut ring = open();
        let write = |path: &Path| {
            fs::write(path, "content").unwrap();
            Ok(())
        };
        let hour_ms = 3_600_000;
        let times = [2 * hour_ms, 2 * hour_ms + 1, 2 * hour_ms + 2, hour_ms, hour_ms + 1];
        let endings = ["pb.gz", "profile"].into_iter().cycle();
        let added: Vec<PathBuf> =
            times.iter().zip(endings).map(|(&it, ending)| ring.add(it, ending, write).unwrap()).collect();
        // The latest three are there, and none of those from before the clock was set.
        assert_eq!(added.iter().map(|it| it.exists()).collect::<Vec<_>>(), [false, false, true, true, true]);
        assert_eq!(added.iter().map(|it| ring.has(it)).collect::<Vec<_>>(), [false, false, true, true, true]);
        assert!(added.is_sorted());
        // The next process goes on behind them.
        let mut ring = open();
        assert!(ring.oldest().is_none(), "they are of another process");
        assert!(ring.add(hour_ms, "pb.gz", write).unwrap() > added[4]);
        assert!(!added[2].exists() && added[4].exists());
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".highwater-x1.tmp", "heap-0000000000001.pb.gz", "notes.tmp"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        Ring::open(directory.path().to_owned(), NAMES, 1, 0).unwrap();
        assert_eq!(names(directory.path()), ["heap-0000000000001.pb.gz", "notes.tmp"]);
    }

    #[test]
    fn what_somebody_else_deleted_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(directory.path().to_owned(), NAMES, 2, u64::MAX).unwrap();
        let write = |path: &Path| {
            fs::write(path, "content").unwrap();
            Ok(())
        };
        let first = ring.add(1, "pb.gz", write).unwrap();
        fs::remove_file(&first).unwrap();
        let second = ring.add(2, "pb.gz", write).unwrap();
        assert_eq!(ring.oldest(), Some(second.as_path()));
    }
}
