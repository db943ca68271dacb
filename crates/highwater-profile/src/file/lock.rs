//! A directory that one process writes to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// The file that is held while a process writes beside it.
pub const LOCK: &str = "watch.lock";

/// Whose a directory is.
#[derive(Debug)]
pub enum Owner {
    /// Ours, as long as this is held.
    Own(File),
    /// The lock of another process.
    Other,
    /// Some file systems of networks have no locks; then it is for the user to give each process a directory
    /// of its own.
    Unknown,
}

/// Takes a directory, which is made if it is missing.
///
/// # Errors
/// When it cannot be made or written to.
pub fn take_directory(directory: &Path) -> io::Result<Owner> {
    fs::create_dir_all(directory)?;
    let lock = File::create(directory.join(LOCK))?;
    #[expect(
        clippy::incompatible_msrv,
        reason = "the feature `lock` needs 1.89; without it this file is left out"
    )]
    let locked = lock.try_lock();
    Ok(match locked {
        Ok(()) => Owner::Own(lock),
        Err(TryLockError::WouldBlock) => Owner::Other,
        Err(TryLockError::Error(_)) => Owner::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("new");
        let own = take_directory(&directory).unwrap();
        assert!(matches!(own, Owner::Own(_)));
        assert!(matches!(take_directory(&directory).unwrap(), Owner::Other));
        drop(own);
        assert!(matches!(take_directory(&directory).unwrap(), Owner::Own(_)));
        fs::write(place.path().join("file"), "").unwrap();
        take_directory(&place.path().join("file")).unwrap_err();
    }
}
