//! The `highwater` command: arguments, the terminal and exit codes. Other crates compute everything it shows.
//!
//! A run reads profiles ([`load`]), asks one question about them and prints the answer ([`output`]). Each
//! command is one file below [`command`]. Exit code 0 means that the answer was printed. Exit code 2 means an
//! error, which one line on stderr explains. A command that judges has two more codes, see [`Outcome`].
#![forbid(unsafe_code)]

mod args;
mod cargo;
mod command;
mod config;
mod error;
mod group_files;
mod grouping;
mod help;
mod history;
mod ignored;
mod init_tests;
mod input;
mod layouts;
mod live;
mod load;
mod names;
mod output;
mod pages;
mod parse;
mod reader;
mod run;
mod series;
mod shared;
mod sources;
mod watch;

use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use crate::output::Outcome;

fn main() -> ExitCode {
    panic::set_hook(Box::new(|fault| output::error(&internal_fault(fault))));
    let run = || match args::Cli::from_process() {
        Ok(cli) => cli.run().map_err(|error| error.to_string()),
        Err(error) if !error.use_stderr() => {
            let help = output::print(&error.render().ansi().to_string());
            help.map(|()| Outcome::Answered).map_err(|it| it.to_string())
        }
        Err(error) => Err(parse::usage_error(&error)),
    };
    match panic::catch_unwind(run) {
        Ok(Ok(outcome)) => ExitCode::from(outcome.code()),
        Ok(Err(message)) => {
            output::error(&message);
            ExitCode::from(2)
        }
        // The panic hook has already printed the message.
        Err(_) => ExitCode::from(2),
    }
}

/// A panic is a bug of this program. The reader still gets one line that says what to do.
fn internal_fault(fault: &PanicHookInfo<'_>) -> String {
    let place = fault.location().map_or_else(String::new, |it| format!(" at {}:{}", it.file(), it.line()));
    let reason = fault.payload_as_str().unwrap_or("no reason given");
    format!("internal fault{place}: {reason}; please report it with the profile")
}
