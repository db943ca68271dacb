//! `highwater run`: a program as it is, with the recorder behind its malloc.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::CliError;
use crate::output::{self, Outcome};
use crate::parse;
use crate::run::{Mode, Plan, library};

/// The sampling interval if none is given: 512 KiB.
const INTERVAL_BYTES: u64 = 512 * 1024;

const EXAMPLES: &str = "\
Examples:
  highwater run -- ./server --port 8080             then: highwater top heap.pb.gz
  highwater run --exact -o parse.pb.gz -- python3 parse.py
  highwater run --every 30s -o snapshots -- ./server
  highwater run --children -o profiles/ -- make
  highwater run --install                           once, if the library is missing

The exit code is the program's. Exit code 2 and one line on stderr, before the program starts: it cannot be recorded.";

/// Run a program as it is, and record what it allocates
///
/// Nothing is rebuilt: a library that comes with this command is preloaded into the program and records what
/// goes through malloc, free and their like, of C, C++, Rust and whatever else uses the C library's
/// allocator. Shared libraries with another malloc (libjemalloc.so, libtcmalloc.so) are recorded as well.
/// Linux with glibc only.
///
/// The profile is written when the program ends: by exit, _exit, abort, or by SIGTERM, SIGINT or SIGHUP.
/// SIGKILL and a crash leave none; --every keeps what was written before. When the program gives its process
/// to another one (exec), that one's profile has the name, and the former's has "before-exec" in it.
///
/// With --exact every block is recorded, in the size that the program asked for. Otherwise a random selection
/// is, and sizes are those that the C library sets aside (malloc_usable_size): more than asked for, by up to
/// 24 bytes a block.
///
/// Memory that comes from mmap and not from malloc is not recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    recording: Recording,
    /// The file to write, or a directory, which gets one file for each process; %p in it stands for the
    /// process id, %n for the program's name [default: heap.pb.gz, or with --every the directory snapshots]
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// Also write a snapshot after each such time; the newest 100 are kept
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    every: Option<Duration>,
    /// Record the processes that the program starts as well, each to its own file, with the process id in its
    /// name
    #[arg(long)]
    children: bool,
    /// Record nothing until `highwater record PID start`; the program has one thread more and listens on a
    /// socket of its user's
    #[arg(long)]
    paused: bool,
    /// If the program cannot be recorded, say why and run it without
    #[arg(long)]
    if_possible: bool,
    /// Build the library that is preloaded, with cargo, and keep it for all later runs
    #[arg(long)]
    install: bool,
    /// The program and its arguments
    #[arg(
        value_name = "PROGRAM",
        required_unless_present = "install",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    program: Vec<OsString>,
}

/// How much is recorded.
#[derive(Debug, clap::Args)]
pub(crate) struct Recording {
    /// Record every block; costs more
    #[arg(long, conflicts_with = "interval")]
    exact: bool,
    /// Mean number of bytes between two samples [default: 512KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    interval: Option<u64>,
}

impl Recording {
    pub(crate) fn mode(&self) -> Mode {
        match (self.exact, self.interval) {
            (true, _) | (false, Some(0 | 1)) => Mode::Exact,
            (false, interval) => Mode::Interval(interval.unwrap_or(INTERVAL_BYTES)),
        }
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        if self.install {
            output::note(&format!("installed {}", library::install()?.display()));
            if self.program.is_empty() {
                return Ok(Outcome::Answered);
            }
        }
        let mut words = self.program.into_iter();
        let program = words.next().unwrap_or_default();
        let plan = Plan {
            mode: self.recording.mode(),
            output: self.output,
            every: self.every,
            has_children: self.children,
            is_paused: self.paused,
            is_lenient: self.if_possible,
            program,
            arguments: words.collect(),
        };
        plan.run().map(Outcome::Ended)
    }
}
