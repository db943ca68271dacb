//! `highwater record`: switches the recording of a running program on and off.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, io};

use clap::ValueEnum;

use crate::error::CliError;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  highwater run --paused --exact -o heap.pb.gz -- ./server &
  highwater record 4711 start
  highwater record 4711 snapshot                    prints the file: heap.snapshot-1.pb.gz
  highwater record 4711 stop";

/// Switch the recording of a program on or off while it runs, or have a snapshot written
///
/// The program must have been started with `highwater run --paused`. It listens on a Unix socket that only
/// its user may use. What it allocated before the recording began has no stacks.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The process id
    #[arg(value_name = "PID")]
    process: u32,
    /// What it is to do
    #[arg(value_enum)]
    action: Action,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    /// Record from now on, as --exact or --interval said when the program was started
    Start,
    /// Record no more; what was recorded stays
    Stop,
    /// Write a profile now, and print its name
    Snapshot,
}

/// Longest answer in bytes: a path.
const LONGEST: u64 = 8192;

/// How long a program may take to write a profile.
const PATIENCE: Duration = Duration::from_secs(60);

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let wrong = |reason: String| CliError::Run { program: format!("process {}", self.process), reason };
        let question = match self.action {
            Action::Start => "start\n",
            Action::Stop => "stop\n",
            Action::Snapshot => "snapshot\n",
        };
        let said = places(self.process).iter().find_map(|path| match ask(path, question) {
            Err(error) if is_nobody(&error) => None,
            said => Some(said),
        });
        let said = said.ok_or_else(|| {
            wrong(
                "it does not listen; start the program with `highwater run --paused`, and ask as its user"
                    .to_owned(),
            )
        })?;
        let said = said.map_err(|error| wrong(format!("it does not answer: {error}")))?;
        match said.trim_end().split_once(' ') {
            Some(("ok", what)) => Ok(output::print(&format!("{what}\n"))?),
            Some(("error", reason)) => Err(wrong(reason.to_owned())),
            _ => Err(wrong("it ended, or is not a program of highwater run".to_owned())),
        }
    }
}

/// Where the socket of a process may be; crates/highwater-preload/src/control.rs puts it there.
fn places(process: u32) -> Vec<PathBuf> {
    let file = format!("{process}.sock");
    let given = env::var_os("XDG_RUNTIME_DIR").map(|it| Path::new(&it).join("highwater").join(&file));
    #[cfg(unix)]
    let user = rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let user = 0;
    given.into_iter().chain([PathBuf::from(format!("/tmp/highwater-{user}")).join(file)]).collect()
}

/// Whether nobody listens there.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

#[cfg(unix)]
fn ask(path: &Path, question: &str) -> io::Result<String> {
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(question.as_bytes())?;
    let mut said = String::new();
    BufReader::new(stream).take(LONGEST).read_line(&mut said)?;
    Ok(said)
}

#[cfg(not(unix))]
fn ask(_: &Path, _: &str) -> io::Result<String> {
    Err(io::Error::other("programs can be recorded on Linux only"))
}
