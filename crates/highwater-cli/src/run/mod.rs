//! Running a program with the recorder preloaded: [`program`] finds it, [`refusal`] says why it cannot be
//! recorded, [`library`] is what is preloaded, [`child`] starts the program and ends as it does.

pub(crate) mod child;
pub(crate) mod library;
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
    /// Whether nothing is recorded before `highwater record` says so.
    pub is_paused: bool,
    /// Whether a program that cannot be recorded is run all the same.
    pub is_lenient: bool,
    pub program: OsString,
    pub arguments: Vec<OsString>,
}

/// The environment variable that says what the library is to do; crates/highwater-preload/src/settings.rs has
/// its parts.
const SETTINGS_VARIABLE: &str = "HIGHWATER_RUN";

const PRELOAD_VARIABLE: &str = "LD_PRELOAD";

impl Plan {
    /// Runs the program. Returns its exit code; if a signal ended it, this process ends by the same one.
    pub(crate) fn run(self) -> Result<u8, CliError> {
        let found = program::find(&self.program)?;
        match refusal::check(&found) {
            Err(error) if self.is_lenient => {
                output::note(&format!("not recorded: {error}"));
                return Ok(child::run(&self.program, &self.arguments, &[])?.mirror());
            }
            checked => checked?,
        }
        let library = library::find()?;
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
        let given = with_name(&given, &self.name());
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
            return Ok(path.join(format!("{}.%p.pb.gz", self.name())));
        }
        match path.parent().filter(|it| it.is_dir()) {
            Some(_) => Ok(path),
            None => Err(wrong("the directory of this file does not exist; make it first".to_owned())),
        }
    }

    /// The program's name, for the names of files.
    fn name(&self) -> String {
        let name = Path::new(&self.program).file_name().unwrap_or(OsStr::new("heap")).to_string_lossy();
        // All tests of documentation have this one.
        if name == "rust_out" { "rust_out.%p".to_owned() } else { name.replace('%', "_") }
    }

    fn settings(&self, output: &Path) -> OsString {
        let every_ms = self.every.map_or(0, |it| it.as_millis());
        let mode = match self.mode {
            Mode::Exact => "exact".to_owned(),
            Mode::Interval(bytes) => bytes.to_string(),
        };
        let (children, paused) = (u8::from(self.has_children), u8::from(self.is_paused));
        let mut settings = OsString::from(format!("0000000000 000 {children} {paused} {every_ms} {mode} "));
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

/// A path with the program's name in the place of `%n`.
fn with_name(path: &Path, name: &str) -> PathBuf {
    let Some(file) = path.file_name().and_then(OsStr::to_str).filter(|it| it.contains("%n")) else {
        return path.to_owned();
    };
    path.with_file_name(file.replace("%n", name))
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
