//! The library that is preloaded: where it is, and how it comes there.
//!
//! `cargo install` installs commands only. So the library is built once, by cargo, from the sources that
//! this command was built from if they are still there, and otherwise from the registry. It is kept in the
//! user's directory for data, under the version of this command.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use highwater_profile::file;

use crate::error::CliError;

/// The environment variable that names the library.
const VARIABLE: &str = "HIGHWATER_PRELOAD";

const LIBRARY: &str = "libhighwater_preload.so";

/// The package of the library.
const PACKAGE: &str = "highwater-preload";

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn wrong(reason: String) -> CliError {
    CliError::Run { program: LIBRARY.to_owned(), reason }
}

/// The library: the one that the environment names, the one beside this command, or the one that was
/// installed.
pub(crate) fn find() -> Result<PathBuf, CliError> {
    let named = env::var_os(VARIABLE).filter(|it| !it.is_empty());
    let path = match named {
        Some(path) => std::path::absolute(path)
            .ok()
            .filter(|it| it.is_file())
            .ok_or_else(|| wrong(format!("there is no such file as {VARIABLE} says")))?,
        None => {
            let own = env::current_exe().ok().map(|it| it.canonicalize().unwrap_or(it));
            let directory = own.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
            let beside =
                ["", "../lib", "../lib/highwater", "deps"].map(|it| directory.join(it).join(LIBRARY));
            let installed = directory_for_data().map(|it| it.join(LIBRARY));
            beside.into_iter().chain(installed).find(|it| it.is_file()).ok_or_else(|| {
                wrong(format!(
                    "it is neither beside this command, in {}, nor installed; build it once with `highwater run --install`",
                    directory.display()
                ))
            })?
        }
    };
    let path = path.canonicalize().unwrap_or(path);
    if path.as_os_str().as_encoded_bytes().iter().any(|it| matches!(it, b':' | b' ')) {
        return Err(wrong(format!(
            "{} has a space or a colon in its path, which the loader takes for the end of it; name a copy elsewhere in {VARIABLE}",
            path.display()
        )));
    }
    Ok(path)
}

/// Where the library of this version is installed.
fn directory_for_data() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|it| it.join(".local/share")))?;
    Some(data.join("highwater").join(VERSION))
}

/// Builds the library and installs it. Returns where it is then.
pub(crate) fn install() -> Result<PathBuf, CliError> {
    let directory = directory_for_data().ok_or_else(|| {
        wrong("neither XDG_DATA_HOME nor HOME names a directory to install it in".to_owned())
    })?;
    let failed = |path: &Path, error: io::Error| wrong(format!("{}: {error}", path.display()));
    let work = directory.join("build");
    fs::create_dir_all(work.join("src")).map_err(|error| failed(&work, error))?;
    let built = build(&work)?;
    let content = fs::read(&built).map_err(|error| failed(&built, error))?;
    let installed = directory.join(LIBRARY);
    file::write_atomically(&installed, |out| out.write_all(&content))?;
    // What is left of the work does no harm.
    let _ = fs::remove_dir_all(&work);
    Ok(installed)
}

/// Has cargo build the library. Returns the file.
fn build(work: &Path) -> Result<PathBuf, CliError> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(PACKAGE).join("Cargo.toml");
    let manifest = if sources.is_file() { sources } else { from_registry(work)? };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", PACKAGE, "--message-format", "json-render-diagnostics"]);
    cargo.arg("--manifest-path").arg(&manifest);
    // A command that is being developed has a library of its kind.
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if env::var_os("CARGO_TARGET_DIR").is_none() {
        cargo.arg("--target-dir").arg(work.join("target"));
    }
    let cannot = |error: io::Error| CliError::Cargo(format!("cannot start cargo: {error}"));
    let mut running = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let messages = running.stdout.take().map(BufReader::new);
    let built = messages.into_iter().flat_map(Message::parse_stream).flatten().filter_map(library_of).last();
    let status = running.wait().map_err(cannot)?;
    match built.filter(|_| status.success()) {
        Some(built) => Ok(built),
        None => Err(wrong("cargo could not build it; its messages are above".to_owned())),
    }
}

/// The file of the library, if the message is that it was built.
fn library_of(message: Message) -> Option<PathBuf> {
    let Message::CompilerArtifact(built) = message else { return None };
    let files = built.filenames.into_iter().map(|it| it.into_std_path_buf());
    files.into_iter().find(|it| it.file_name() == Some(OsString::from(LIBRARY).as_os_str()))
}

/// Makes a package that needs the library of this version. Returns its manifest.
fn from_registry(work: &Path) -> Result<PathBuf, CliError> {
    let manifest = work.join("Cargo.toml");
    file::write_atomically(&work.join("src/lib.rs"), |out| out.write_all(b"//! Empty.\n"))?;
    file::write_atomically(&manifest, |out| out.write_all(package().as_bytes()))?;
    Ok(manifest)
}

fn package() -> String {
    format!(
        "[package]\nname = \"library\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{PACKAGE} = \"={VERSION}\"\n\n[workspace]\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_from_the_registry_needs_the_library_of_this_version_and_no_other() {
        let table: toml::Table = package().parse().unwrap();
        assert_eq!(table["dependencies"][PACKAGE].as_str(), Some(&*format!("={VERSION}")));
    }
}
