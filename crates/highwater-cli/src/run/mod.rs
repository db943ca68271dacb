//! Running a program with the recorder preloaded: [`program`] finds it, [`refusal`] says why it cannot be
//! recorded, [`child`] starts it and ends as it does.

mod child;
mod program;
mod refusal;
mod script;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::CliError;
use crate::output;

/// How much is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Exact,
    /// Mean number of bytes between two samples.
    Interval(u64),
}

/// What is to be run, and recorded.
#[derive(Debug)]
pub(crate) struct Plan {
    pub mode: Mode,
    pub output: Option<PathBuf>,
    pub every: Option<Duration>,
    pub has_children: bool,
    pub program: OsString,
    pub arguments: Vec<OsString>,
}

/// The environment variable that names the library.
const LIBRARY_VARIABLE: &str = "HIGHWATER_PRELOAD";

/// The environment variable that says what the library is to do; crates/highwater-preload/src/settings.rs has
/// its parts.
const SETTINGS_VARIABLE: &str = "HIGHWATER_RUN";

const LIBRARY: &str = "libhighwater_preload.so";

const PRELOAD_VARIABLE: &str = "LD_PRELOAD";

impl Plan {
    /// Runs the program. Returns its exit code; if a signal ended it, this process ends by the same one.
    pub(crate) fn run(self) -> Result<u8, CliError> {
        let found = program::find(&self.program)?;
        refusal::check(&found)?;
        let library = library()?;
        let output = self.output()?;
        let settings = self.settings(&output);
        let mut preloaded = library.into_os_string();
        if let Some(others) = env::var_os(PRELOAD_VARIABLE).filter(|it| !it.is_empty()) {
            preloaded.push(":");
            preloaded.push(others);
        }
        let variables =
            [(PRELOAD_VARIABLE, preloaded.as_os_str()), (SETTINGS_VARIABLE, settings.as_os_str())];
        let before = Written::now(&output);
        let ended = child::run(&self.program, &self.arguments, &variables)?;
        self.say_what_was_written(&output, ended.process, &before);
        Ok(ended.mirror())
    }

    /// Where profiles go, as an absolute path: the program may change its directory.
    fn output(&self) -> Result<PathBuf, CliError> {
        let default = if self.every.is_some() { "snapshots" } else { "heap.pb.gz" };
        let given = self.output.clone().unwrap_or_else(|| PathBuf::from(default));
        let wrong = |reason| CliError::Run { program: given.display().to_string(), reason };
        let failed = |error: io::Error| wrong(format!("the directory cannot be made: {error}"));
        let path = std::path::absolute(&given).map_err(failed)?;
        let is_directory = path.is_dir() || given.as_os_str().as_encoded_bytes().ends_with(b"/");
        if self.every.is_some() {
            fs::create_dir_all(&path).map_err(failed)?;
            return Ok(path);
        }
        if is_directory {
            fs::create_dir_all(&path).map_err(failed)?;
            let name = Path::new(&self.program).file_name().unwrap_or(OsStr::new("heap")).to_string_lossy();
            return Ok(path.join(format!("{}.%p.pb.gz", name.replace('%', "_"))));
        }
        match path.parent().filter(|it| it.is_dir()) {
            Some(_) => Ok(path),
            None => Err(wrong("the directory of this file does not exist; make it first".to_owned())),
        }
    }

    fn settings(&self, output: &Path) -> OsString {
        let every_ms = self.every.map_or(0, |it| it.as_millis());
        let mode = match self.mode {
            Mode::Exact => "exact".to_owned(),
            Mode::Interval(bytes) => bytes.to_string(),
        };
        let children = u8::from(self.has_children);
        let mut settings = OsString::from(format!("0000000000 000 {children} {every_ms} {mode} "));
        settings.push(output);
        settings
    }

    /// Says where the profile is, to a person at a terminal; and that there is none, to anybody.
    fn say_what_was_written(&self, output: &Path, process: u32, before: &Written) {
        let file = PathBuf::from(output.to_string_lossy().replace("%p", &process.to_string()));
        let after = Written::now(output);
        let is_there = if output == file { after != *before } else { file.exists() };
        let shown = env::current_dir().ok().and_then(|it| file.strip_prefix(it).ok().map(Path::to_owned));
        let shown = shown.unwrap_or(file).display().to_string();
        if !is_there {
            let hint = if self.every.is_some() { "" } else { "; --every writes snapshots while it runs" };
            output::note(&format!(
                "no profile was written to {shown}: the program ended too suddenly, or may not write there{hint}"
            ));
        } else if output::is_error_terminal() {
            let next = if self.every.is_some() {
                format!("highwater trend {shown} shows what grew")
            } else {
                format!(
                    "highwater top {shown} shows what was never freed, and with --sample peak-bytes what was there at the peak"
                )
            };
            output::note(&format!("recorded; {next}"));
        }
    }
}

/// What tells one state of a file or a directory from another.
#[derive(Debug, PartialEq, Eq)]
struct Written(Option<(std::time::SystemTime, u64)>, usize);

impl Written {
    fn now(path: &Path) -> Self {
        let at = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        Self(at(path), fs::read_dir(path).map_or(0, Iterator::count))
    }
}

/// The library: the one that the environment names, or the one beside this command.
fn library() -> Result<PathBuf, CliError> {
    let wrong = |reason: String| CliError::Run { program: LIBRARY.to_owned(), reason };
    let named = env::var_os(LIBRARY_VARIABLE).filter(|it| !it.is_empty());
    let path = match named {
        Some(path) => std::path::absolute(path)
            .ok()
            .filter(|it| it.is_file())
            .ok_or_else(|| wrong(format!("there is no such file as {LIBRARY_VARIABLE} says")))?,
        None => {
            let own = env::current_exe().ok().map(|it| it.canonicalize().unwrap_or(it));
            let directory = own.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
            let beside =
                ["", "../lib", "../lib/highwater", "deps"].map(|it| directory.join(it).join(LIBRARY));
            beside.into_iter().find(|it| it.is_file()).ok_or_else(|| {
                wrong(format!(
                    "not found beside this command, in {}; build it with `cargo build --release -p highwater-preload`, and put it there or name it in {LIBRARY_VARIABLE}",
                    directory.display()
                ))
            })?
        }
    };
    let path = path.canonicalize().unwrap_or(path);
    if path.as_os_str().as_encoded_bytes().iter().any(|it| matches!(it, b':' | b' ')) {
        return Err(wrong(format!(
            "{} has a space or a colon in its path, which the loader takes for the end of it; name a copy elsewhere in {LIBRARY_VARIABLE}",
            path.display()
        )));
    }
    Ok(path)
}
