//! The directory of a watch, which has one owner at a time.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use highwater_profile::file::{Owner, take_directory};

/// Maximum number of processes that may watch in one directory.
const MAX_OWNERS: usize = 64;

/// Takes ownership of a directory, and creates it if it is missing. If another process already watches there,
/// such as one of several workers with the same settings, the first free directory of `worker-2`, `worker-3`
/// and so on below it is taken. The returned file must stay open as long as the watch lasts.
///
/// # Errors
/// When the directory cannot be created or written to, or too many processes use it.
pub(super) fn take(directory: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let workers = (2..=MAX_OWNERS).map(|number| directory.join(format!("worker-{number}")));
    for place in std::iter::once(directory.to_owned()).chain(workers) {
        match take_directory(&place)? {
            Owner::Own(lock) => return Ok((place, Some(lock))),
            Owner::Other => {}
            Owner::Unknown => return Ok((place, None)),
        }
    }
    Err(io::Error::other(format!("{MAX_OWNERS} processes watch into it already")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_watch_has_its_own_directory() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base");
        let (first, lock) = take(&base).unwrap();
        let second = take(&base).unwrap();
        let third = take(&base).unwrap();
        assert_eq!(first, base);
        assert_eq!([&second.0, &third.0], [&base.join("worker-2"), &base.join("worker-3")]);
        // A directory that was released can be taken again.
        drop(lock);
        assert_eq!(take(&base).unwrap().0, base);
        drop(second);
        let all: Vec<_> = (1..MAX_OWNERS).map(|_| take(&base)).collect();
        let refused = all.iter().filter(|it| it.is_err()).count();
        assert_eq!(refused, 0);
    }
}
