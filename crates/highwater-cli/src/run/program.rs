//! Finding the program, where the system would find it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The file of a program: as it is given if that has a `/` in it, and otherwise in the directories of `PATH`.
pub(super) fn find(program: &OsStr) -> Result<PathBuf, CliError> {
    let wrong = |reason: &str| CliError::Run {
        program: program.to_string_lossy().into_owned(),
        reason: reason.to_owned(),
    };
    if program.is_empty() {
        return Err(wrong("a program is expected"));
    }
    if program.as_encoded_bytes().contains(&b'/') {
        let path = PathBuf::from(program);
        return match fs::metadata(&path) {
            Err(error) => Err(wrong(&error.to_string())),
            Ok(found) if found.is_dir() => Err(wrong("it is a directory, not a program")),
            Ok(_) if !is_executable(&path) => Err(wrong("it may not be executed; chmod +x allows it")),
            Ok(_) => Ok(path),
        };
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let candidates = env::split_paths(&path).map(|it| it.join(program));
    let found = candidates.into_iter().find(|it| it.is_file() && is_executable(it));
    found.ok_or_else(|| wrong("no program of this name is in PATH"))
}

/// Whether anybody may execute the file; whether this user may is for the system to say.
fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}
