//! What tells a build of the program from all others.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use highwater_hooks::Program;

/// The build id that the linker wrote. Without one, what the file system knows of the program's file: a part
/// of that changes whenever the file is written to. `None` where neither is available.
pub(super) fn identify(program: &Program, path: &Path) -> Option<Vec<u8>> {
    match program.build_id {
        Some(id) => Some([b"build id ", id].concat()),
        None => of_file(path),
    }
}

fn of_file(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let mut text = format!("file {} {}", metadata.len(), modified.as_nanos());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (device, inode) = (metadata.dev(), metadata.ino());
        text += &format!(" {device} {inode} {} {}", metadata.ctime(), metadata.ctime_nsec());
    }
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_told_apart_with_an_id_and_without() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        let of = |build_id| identify(&Program { addresses: 0..1, build_id }, &path);
        assert_eq!(of(Some(b"1")).unwrap(), b"build id 1");
        assert_eq!(of(None), None);
        fs::write(&path, "one").unwrap();
        let first = of(None).unwrap();
        assert_eq!(of(None).unwrap(), first);
        // A new file in its place, as linkers make one.
        fs::write(directory.path().join("new"), "two").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert_ne!(of(None).unwrap(), first);
    }
}
