//! Folders that are whole or not there: each is made under another name, which it loses when all is in it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::write::{rename_directory, sync_directory, write_durably};

/// How folders begin that are not complete.
const UNFINISHED: &str = ".unfinished-";

/// A directory of folders that one process writes. There is never more than one that is not complete.
#[derive(Clone, Debug)]
pub struct Folders {
    directory: PathBuf,
}

impl Folders {
    /// Takes a directory over, which is made if it is missing. What a killed process did not finish is
    /// removed.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let folders = Self { directory };
        folders.clear_unfinished()?;
        Ok(folders)
    }

    /// Where the folders are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The names of the complete folders, and of whatever else is there, in order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            names.extend(name.into_string().ok().filter(|it| !it.starts_with(UNFINISHED)));
        }
        names.sort();
        Ok(names)
    }

    /// Makes a folder that has its name when `fill` has done its work, and is not there if it could not.
    ///
    /// # Errors
    /// The errors of `fill`, and when the folder cannot be made.
    pub fn complete<T, E: From<FileError>>(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<(PathBuf, T), E> {
        let failed = |source| E::from(FileError::Write { path: self.directory.clone(), source });
        // One that could not be removed before.
        self.clear_unfinished().map_err(failed)?;
        let unfinished = self.unfinished(name);
        let folder = self.directory.join(name);
        let attempt = || {
            fs::create_dir(&unfinished).map_err(failed)?;
            let filled = fill(&unfinished)?;
            rename_directory(&unfinished, &folder)
                .and_then(|()| sync_directory(&self.directory))
                .map_err(failed)?;
            Ok(filled)
        };
        let outcome = attempt();
        if outcome.is_err() {
            // The space is needed for what can be completed. What stays is removed by the next one.
            let _ = fs::remove_dir_all(&unfinished);
        }
        outcome.map(|filled| (folder, filled))
    }

    /// Deletes a folder. It loses its name first, so that nobody finds a part of it if the process is killed
    /// meanwhile.
    ///
    /// # Errors
    /// When it cannot be renamed or deleted.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let unfinished = self.unfinished(name);
        rename_directory(&self.directory.join(name), &unfinished)?;
        sync_directory(&self.directory)?;
        fs::remove_dir_all(unfinished)
    }

    /// Removes what is not complete.
    ///
    /// # Errors
    /// When the directory cannot be read, or something not be removed.
    pub fn clear_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with(UNFINISHED)) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{UNFINISHED}{name}"))
    }
}

/// A second name for a file, which is there when the first one is deleted; a copy where the system has no
/// second names.
///
/// # Errors
/// When it can neither be linked nor copied.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<(), FileError> {
    if fs::hard_link(from, to).is_ok() { Ok(()) } else { copy(from, to) }
}

/// A copy of a file as it is now, whole or not there.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let open = File::open(from);
    let mut source = open.map_err(|source| FileError::Open { path: from.to_owned(), source })?;
    write_durably(to, |mut out| io::copy(&mut source, &mut out).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let place = tempfile::tempdir().unwrap();
        let folders = Folders::open(place.path().to_owned()).unwrap();
        let full = |folder: &Path| {
            fs::write(folder.join("part"), "half").unwrap();
            assert_eq!(all(place.path()), [".unfinished-1"]);
            let source = io::Error::from(io::ErrorKind::StorageFull);
            Err::<(), _>(FileError::Write { path: folder.to_owned(), source })
        };
        for _ in 0..3 {
            folders.complete("1", full).unwrap_err();
            assert_eq!(all(place.path()), [""; 0]);
        }
        let whole = |folder: &Path| {
            fs::write(folder.join("part"), "whole").unwrap();
            Ok::<_, FileError>(())
        };
        let (folder, ()) = folders.complete("1", whole).unwrap();
        assert_eq!((folder, all(&place.path().join("1"))), (place.path().join("1"), vec!["part".to_owned()]));
        folders.complete("1", whole).unwrap_err();
        assert_eq!(folders.names().unwrap(), ["1"], "the first one stays");
        folders.remove("1").unwrap();
        assert_eq!(all(place.path()), [""; 0]);
    }

    #[test]
    fn what_a_killed_process_did_not_finish_is_removed() {
        let place = tempfile::tempdir().unwrap();
        for name in [".unfinished-1", "mine", ".hidden"] {
            fs::create_dir_all(place.path().join(name).join("inner")).unwrap();
        }
        let folders = Folders::open(place.path().to_owned()).unwrap();
        assert_eq!(all(place.path()), [".hidden", "mine"]);
        assert_eq!(folders.names().unwrap(), [".hidden", "mine"]);
    }

    #[test]
    fn a_second_name_outlives_the_first() {
        let place = tempfile::tempdir().unwrap();
        let [from, linked, copied] = ["from", "linked", "copied"].map(|it| place.path().join(it));
        fs::write(&from, "content").unwrap();
        link_or_copy(&from, &linked).unwrap();
        copy(&from, &copied).unwrap();
        fs::remove_file(&from).unwrap();
        assert_eq!([&linked, &copied].map(|it| fs::read(it).unwrap()), [b"content", b"content"]);
        assert!(matches!(link_or_copy(&from, &linked), Err(FileError::Open { .. })));
    }
}
