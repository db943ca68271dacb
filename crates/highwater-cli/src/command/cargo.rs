//! `cargo highwater run|test|bench`: cargo's command, with every program that it starts recorded.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

use super::run::Recording;
use crate::cargo::Plan;
use crate::error::CliError;
use crate::output::Outcome;

const EXAMPLES: &str = "\
Examples:
  cargo highwater run --release -- --port 8080      then: highwater top target/highwater/server.pb.gz
  cargo highwater test --exact -p parser            one profile for each test program
  cargo highwater bench -o profiles --bench parse

Options of this command come first, cargo's behind them. The exit code is cargo's.";

/// Run cargo run, test or bench, with every program recorded
///
/// Nothing in the project is changed: cargo starts each program through `highwater run`. Each program gets
/// one profile, with the program's name, in target/highwater. A program that cannot be recorded (statically
/// linked, or with an allocator of its own inside) is run without, and a note says so.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Cargo's command
    #[arg(value_enum)]
    action: Action,
    #[command(flatten)]
    recording: Recording,
    /// The directory for the profiles [default: highwater in cargo's target directory]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Record the processes that the programs start as well, each to its own file
    #[arg(long)]
    children: bool,
    /// Options of cargo, and behind -- arguments of the program
    #[arg(value_name = "CARGO", trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    Run,
    Test,
    Bench,
}

impl Args {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        let action = match self.action {
            Action::Run => "run",
            Action::Test => "test",
            Action::Bench => "bench",
        };
        let (options, arguments) = split(self.rest, env::args_os());
        let plan = Plan {
            action,
            mode: self.recording.mode(),
            output: self.output,
            has_children: self.children,
            options,
            arguments,
        };
        plan.run().map(Outcome::Ended)
    }
}

/// Divides the rest of the command line into cargo's options and the program's arguments behind `--`. The
/// parser may have removed the `--`.
fn split(
    mut rest: Vec<OsString>,
    line: impl Iterator<Item = OsString>,
) -> (Vec<OsString>, Option<Vec<OsString>>) {
    let mut behind = line.skip_while(|it| it != "--");
    if behind.next().is_none() {
        return (rest, None);
    }
    let arguments = rest.split_off(rest.len().saturating_sub(behind.count()));
    rest.pop_if(|it| it == "--");
    (rest, Some(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_dashes_is_the_programs() {
        let words = |it: &str| it.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let shown = |(options, arguments): (Vec<OsString>, Option<Vec<OsString>>)| {
            let joined = |it: &[OsString]| it.join(" ".as_ref()).to_string_lossy().into_owned();
            (joined(&options), arguments.as_deref().map(joined))
        };
        let split = |rest, line| shown(super::split(words(rest), words(line).into_iter()));
        let both = |options: &str, arguments: &str| (options.to_owned(), Some(arguments.to_owned()));
        assert_eq!(split("-r -- a --", "cargo run -r -- a --"), both("-r", "a --"));
        assert_eq!(split("a -b", "cargo run --exact -- a -b"), both("", "a -b"));
        assert_eq!(split("-r --", "cargo run -r --"), both("-r", ""));
        assert_eq!(split("-r", "cargo run -r"), ("-r".to_owned(), None));
    }
}
