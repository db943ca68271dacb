//! `cargo xtask bless`: generates the goldens again. Nothing else writes them.
//!
//! A golden is a file of another tool, which Highwater's readers are tested with. It is in
//! `tests/golden/<format>/<case>` next to the script `command` that generates it. The script runs in that
//! directory, with these variables.
//!
//! - `WORK`: an empty directory that is removed afterwards. Goldens may contain its path, so the path is
//!   always the same.
//! - `CLIENTS`: the directory of the installed npm readers.
//!
//! Nothing is changed unless the script succeeds and generates a file.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Goldens to generate, as FORMAT or FORMAT/CASE; all if there are none.
    names: Vec<String>,
}

/// The name of a golden's script.
const COMMAND: &str = "command";

/// Generates the selected goldens.
///
/// # Errors
/// When a tool cannot be installed or fails, when a golden does not exist, or when one would be too large for
/// the repository.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    clients::ensure(workspace)?;
    let goldens = workspace.root.join("tests/golden");
    let cases = cases(&goldens)?;
    let chosen = choose(&cases, &options.names)?;
    for name in chosen {
        println!("\n==> {name}");
        make(&goldens, name, &workspace.target)?;
    }
    Ok(())
}

/// The names of all goldens, `format/case`, in order.
fn cases(goldens: &Path) -> Result<Vec<String>, Failure> {
    let mut cases = Vec::new();
    for format in entries(goldens)? {
        for case in entries(&goldens.join(&format)).unwrap_or_default() {
            if goldens.join(&format).join(&case).join(COMMAND).is_file() {
                cases.push(format!("{}/{}", format.display(), case.display()));
            }
        }
    }
    cases.sort();
    Ok(cases)
}

/// The goldens that `names` select, by name or by format.
fn choose<'a>(cases: &'a [String], names: &[String]) -> Result<Vec<&'a String>, Failure> {
    let is = |case: &str, name: &str| case == name || case.starts_with(&format!("{name}/"));
    if let Some(name) = names.iter().find(|name| !cases.iter().any(|case| is(case, name))) {
        return Err(Failure::Golden(format!("there is no golden {name}; there are {}", cases.join(", "))));
    }
    Ok(cases.iter().filter(|case| names.is_empty() || names.iter().any(|name| is(case, name))).collect())
}

/// Runs a golden's script in a copy of the tree, and replaces the golden with the result.
fn make(goldens: &Path, name: &str, target: &Path) -> Result<(), Failure> {
    let place = goldens.join(name);
    let stage = target.join("bless");
    remove(&stage)?;
    copy(goldens, &stage)?;
    let staged = stage.join(name);
    for file in entries(&staged)?.iter().filter(|file| file.as_path() != Path::new(COMMAND)) {
        remove(&staged.join(file))?;
    }
    let work = std::env::temp_dir().join("highwater-golden");
    remove(&work)?;
    create(&work)?;
    let variable = |name: &str, value: &Path| {
        let mut text = OsString::from(format!("{name}="));
        text.push(value);
        text
    };
    Line::new(&staged, "env")
        .args(["LC_ALL=C".into(), variable("WORK", &work), variable("CLIENTS", &target.join("clients"))])
        .args(["sh", COMMAND])
        .run()?;
    remove(&work)?;
    check(&staged, name)?;
    remove(&place)?;
    copy(&staged, &place)?;
    remove(&stage)
}

/// Checks that the script's result can be a golden.
fn check(staged: &Path, name: &str) -> Result<(), Failure> {
    /// People read goldens in full, and the repository keeps them for ever.
    const MOST_BYTES: u64 = 200_000;
    let files = entries(staged)?;
    if files.len() < 2 {
        return Err(Failure::Golden(format!("the command of {name} made nothing")));
    }
    for file in files {
        let path = staged.join(&file);
        let bytes = fs::metadata(&path).map_err(|source| Failure::File { path, source })?.len();
        if bytes == 0 || bytes > MOST_BYTES {
            return Err(Failure::Golden(format!(
                "{name}/{} has {bytes} bytes, and a golden has between 1 and {MOST_BYTES}",
                file.display()
            )));
        }
    }
    Ok(())
}

/// The entries of a directory, in order.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |source| Failure::File { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        names.push(PathBuf::from(entry.map_err(fail)?.file_name()));
    }
    names.sort();
    Ok(names)
}

/// Copies a file, or a directory with all its content.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if from.is_dir() {
        create(to)?;
        return entries(from)?.iter().try_for_each(|name| copy(&from.join(name), &to.join(name)));
    }
    fs::copy(from, to).map(drop).map_err(|source| Failure::File { path: from.to_owned(), source })
}

fn create(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).map_err(|source| Failure::File { path: directory.to_owned(), source })
}

/// Removes a file or a directory, if it exists.
fn remove(path: &Path) -> Result<(), Failure> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Failure::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(root: &Path, name: &str, script: &str) -> PathBuf {
        let place = root.join("golden").join(name);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(COMMAND), script).unwrap();
        fs::write(place.join("profile"), "old").unwrap();
        place
    }

    #[test]
    fn a_golden_is_its_commands_output() {
        let root = tempfile::tempdir().unwrap();
        let goldens = root.path().join("golden");
        let place = golden(root.path(), "a/one", "test -d \"$WORK\" && echo new > made\n");
        golden(root.path(), "b/two", "exit 3\n");
        golden(root.path(), "b/three", "true\n");
        assert_eq!(cases(&goldens).unwrap(), ["a/one", "b/three", "b/two"]);

        make(&goldens, "a/one", root.path()).unwrap();
        assert_eq!(fs::read_to_string(place.join("made")).unwrap(), "new\n");
        assert!(!place.join("profile").exists());
        // After any failure, the old golden is unchanged.
        for name in ["b/two", "b/three"] {
            assert!(make(&goldens, name, root.path()).is_err());
            assert_eq!(fs::read_to_string(goldens.join(name).join("profile")).unwrap(), "old");
        }
    }

    #[test]
    fn goldens_are_chosen_by_format_and_case() {
        let cases = ["a/x", "a/y", "ab/x"].map(str::to_owned);
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            super::choose(&cases, &names).map(|it| it.into_iter().cloned().collect::<Vec<_>>())
        };
        assert_eq!(choose(&[]).unwrap().len(), 3);
        assert_eq!(choose(&["a"]).unwrap(), ["a/x", "a/y"]);
        assert_eq!(choose(&["ab/x"]).unwrap(), ["ab/x"]);
        assert!(choose(&["b"]).is_err());
    }

    #[test]
    fn every_golden_of_the_project_has_its_files() {
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        let cases = cases(&goldens).unwrap();
        assert!(!cases.is_empty());
        for name in cases {
            check(&goldens.join(&name), &name).unwrap();
        }
    }
}
