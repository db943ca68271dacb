//! The directory of a watch, which has one owner.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use highwater_profile::file::{Owner, take_directory};

/// How many processes may watch into one directory.
const MAX_OWNERS: usize = 64;

/// Takes a directory, which is made if it is missing. When another process watches there, as one of several workers with the
/// same settings does, it is the first free one of `worker-2`, `worker-3` and so on below it. The file that comes with it is
/// to be held as long as the watch lasts.
///
/// # Errors
/// When it cannot be made or written to, or too many processes have one.
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
    fn each_watch_has_a_directory_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base");
        let (first, lock) = take(&base).unwrap();
        let second = take(&base).unwrap();
        let third = take(&base).unwrap();
        assert_eq!(first, base);
        assert_eq!([&second.0, &third.0], [&base.join("worker-2"), &base.join("worker-3")]);
        // What is free again is taken again.
        drop(lock);
        assert_eq!(take(&base).unwrap().0, base);
        drop(second);
        let all: Vec<_> = (1..MAX_OWNERS).map(|_| take(&base)).collect();
        let refused = all.iter().filter(|it| it.is_err()).count();
        assert_eq!(refused, 0);
    }
}
