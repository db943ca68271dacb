//! Saves a snapshot as a file, byte by byte as it was received.

use std::io;
use std::path::{Path, PathBuf};

use highwater_profile::file::{FileError, write_atomically};

use super::kept::Kept;

/// The first bytes of gzip data.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Number of names to try before giving up.
const MOST_NAMES: usize = 1000;

/// Writes a snapshot into a directory, under a name that is free there.
///
/// # Errors
/// When the directory cannot be written to.
pub(crate) fn save(kept: &Kept, directory: &Path) -> Result<PathBuf, FileError> {
    let seconds = highwater_report::time(kept.totals.time_ns);
    let digits: String = seconds.chars().filter(char::is_ascii_digit).collect();
    let (day, second) = digits.split_at(digits.len().min(8));
    let ending = if kept.bytes.starts_with(&GZIP) { "pb.gz" } else { "profile" };
    let name = |at: usize| {
        let behind = if at == 0 { String::new() } else { format!("-{}", at + 1) };
        directory.join(format!("live-{day}T{second}Z{behind}.{ending}"))
    };
    // Another process may take the name meanwhile. The file is then replaced as a whole.
    let Some(path) = (0..MOST_NAMES).map(name).find(|it| !it.exists()) else {
        return Err(FileError::Write { path: name(0), source: io::ErrorKind::AlreadyExists.into() });
    };
    write_atomically(&path, |out| out.write_all(&kept.bytes))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::samples::{kept, shop};
    use super::*;

    #[test]
    fn a_snapshot_is_written_unchanged_under_a_free_name() {
        let place = tempfile::tempdir().unwrap();
        let shop = shop(1);
        let first = save(&shop, place.path()).unwrap();
        assert_eq!(first, place.path().join("live-20231114T221420Z.pb.gz"));
        assert_eq!(fs::read(&first).unwrap(), shop.bytes);
        let second = save(&kept(1), place.path()).unwrap();
        assert_eq!(second, place.path().join("live-20231114T221420Z.profile"), "it is not packed");
        let third = save(&shop, place.path()).unwrap();
        assert_eq!(third, place.path().join("live-20231114T221420Z-2.pb.gz"));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    fn an_error_names_a_missing_directory() {
        let error = save(&kept(1), Path::new("/nonexistent/place")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/place/live-"), "{error}");
    }
}
