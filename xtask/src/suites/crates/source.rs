//! The published sources of a crate, with the harness added to their tests: one dev-dependency, and one line
//! in the library and in each test program.
//!
//! Cargo downloads the package like for any project that depends on it. Its unpacked copy is copied again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{MetadataCommand, Package, TargetKind};

use super::list::Suite;
use crate::failure::Failure;

/// The line to add. Before the 2018 edition, a crate must be declared with `extern crate`.
const LINE: &str = "use highwater_leaktest as _;";
const LINE_OF_2015: &str = "extern crate highwater_leaktest as _;";

/// Copies the sources of `suite` to a directory below `place`, adds the harness at `harness`, and returns the
/// directory.
///
/// # Errors
/// When cargo cannot download the crate, or it cannot be copied.
pub fn prepare(suite: &Suite, place: &Path, harness: &Path) -> Result<PathBuf, Failure> {
    let package = published(&suite.name, &suite.version, &place.join("fetch"))?;
    let from = package.manifest_path.parent().unwrap_or(Utf8Path::new(""));
    let to = place.join(format!("{}-{}", suite.name, suite.version));
    copy_package(&package, &to)?;
    depend(&to, harness, suite.own_allocator)?;
    for target in &package.targets {
        let is = |kind| target.kind.contains(&kind);
        let relative = target.src_path.strip_prefix(from).unwrap_or(&target.src_path);
        let line = if package.edition == cargo_metadata::Edition::E2015 { LINE_OF_2015 } else { LINE };
        if is(TargetKind::Test) {
            append(&to.join(relative), &format!("\n{line}\n"))?;
        } else if is(TargetKind::Lib) {
            append(&to.join(relative), &format!("\n#[cfg(test)]\n{line}\n"))?;
        }
    }
    Ok(to)
}

/// Copies a package that cargo downloaded to the directory `to`, which is emptied before.
///
/// # Errors
/// When the package cannot be copied.
pub fn copy_package(package: &Package, to: &Path) -> Result<(), Failure> {
    let from = package.manifest_path.parent().unwrap_or(Utf8Path::new(""));
    let fail = |source| Failure::File { path: to.to_owned(), source };
    if to.exists() {
        fs::remove_dir_all(to).map_err(fail)?;
    }
    copy(from.as_std_path(), to).map_err(fail)?;
    // The package is built with the versions that cargo would choose today.
    let _ = fs::remove_file(to.join("Cargo.lock"));
    Ok(())
}

/// Makes cargo download the crate for a package that depends on it, and returns its description.
///
/// # Errors
/// When cargo cannot download it.
pub fn published(name: &str, version: &str, directory: &Path) -> Result<Package, Failure> {
    let fail = |source| Failure::File { path: directory.to_owned(), source };
    fs::create_dir_all(directory.join("src")).map_err(fail)?;
    fs::write(directory.join("src/lib.rs"), "").map_err(fail)?;
    let _ = fs::remove_file(directory.join("Cargo.lock"));
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{name} = {{ version = \"={version}\", default-features = false }}\n"
    );
    fs::write(directory.join("Cargo.toml"), manifest).map_err(fail)?;
    let metadata = MetadataCommand::new().manifest_path(directory.join("Cargo.toml")).exec()?;
    let found = metadata.packages.into_iter().find(|it| it.name == name && it.version.to_string() == version);
    found.ok_or_else(|| Failure::Suites(format!("cargo did not get {name} {version}")))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            // Cargo's copy may be read-only, so only its content is copied.
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Adds the dev-dependency, and makes the package a workspace of its own. If the package has its own
/// allocator, the harness only looks for threads.
fn depend(package: &Path, harness: &Path, own_allocator: bool) -> Result<(), Failure> {
    let features = if own_allocator { "default-features = false\n" } else { "" };
    let harness = harness.display();
    let words =
        format!("\n[dev-dependencies.highwater-leaktest]\npath = '{harness}'\n{features}\n[workspace]\n");
    if own_allocator {
        let path = package.join("highwater.toml");
        fs::write(&path, "[leaktest]\nblocks = \"off\"\n")
            .map_err(|source| Failure::File { path, source })?;
    }
    append(&package.join("Cargo.toml"), &words)
}

/// Adds words to the end of a file.
///
/// # Errors
/// When it cannot be read or written.
pub fn append(path: &Path, words: &str) -> Result<(), Failure> {
    let fail = |source| Failure::File { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(fail)?;
    fs::write(path, text + words).map_err(fail)
}

/// Writes a crate with one leaking test, which the command must find first.
///
/// # Errors
/// When it cannot be written.
pub fn plant(place: &Path, harness: &Path) -> Result<PathBuf, Failure> {
    let to = place.join("planted-0.0.0");
    let fail = |source| Failure::File { path: to.clone(), source };
    fs::create_dir_all(to.join("src")).map_err(fail)?;
    let manifest = "[package]\nname = \"planted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    fs::write(to.join("Cargo.toml"), manifest).map_err(fail)?;
    depend(&to, harness, false)?;
    let source = "#[test]\nfn leaks() {\n    std::thread::spawn(|| loop { std::thread::park() });\n}\n\n\
                  #[test]\nfn joins() {\n    std::thread::spawn(|| ()).join().unwrap();\n}\n";
    fs::write(to.join("src/lib.rs"), format!("{source}\n#[cfg(test)]\n{LINE}\n")).map_err(fail)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_files_and_the_dependency() {
        let directory = tempfile::tempdir().unwrap();
        let from = directory.path().join("from");
        fs::create_dir_all(from.join("tests/more")).unwrap();
        fs::write(from.join("Cargo.toml"), "[package]\nname = \"a\"\n").unwrap();
        fs::write(from.join("tests/more/a.rs"), "fn a() {}").unwrap();
        let to = directory.path().join("to");
        copy(&from, &to).unwrap();
        depend(&to, Path::new("/some/where"), false).unwrap();
        assert!(!to.join("highwater.toml").exists());
        assert_eq!(fs::read_to_string(to.join("tests/more/a.rs")).unwrap(), "fn a() {}");
        let manifest: toml::Table = fs::read_to_string(to.join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(manifest["dev-dependencies"]["highwater-leaktest"]["path"].as_str(), Some("/some/where"));
        assert!(manifest.contains_key("workspace"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let fault = append(Path::new("/no/such/file.rs"), "x").unwrap_err().to_string();
        assert!(fault.contains("/no/such/file.rs"), "{fault}");
    }
}
