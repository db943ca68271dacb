//! The `highwater` command: arguments, the terminal and exit codes. Everything it shows is worked out elsewhere.
//!
//! A run reads profiles ([`load`]), asks one question of them and shows the answer ([`output`]); each command is one
//! file below [`command`]. Exit code 0 means that the answer was given, 2 that one line on stderr says why not; a command
//! that judges has two more, see [`Outcome`].
#![forbid(unsafe_code)]

mod args;
mod command;
mod config;
mod error;
mod grouping;
mod help;
mod history;
mod init_tests;
mod input;
mod live;
mod load;
mod names;
mod output;
mod pages;
mod parse;
mod reader;
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
        // The hook has said what there is to say.
        Err(_) => ExitCode::from(2),
    }
}

/// A panic is a fault of ours, but the reader still gets one line that says what to do.
fn internal_fault(fault: &PanicHookInfo<'_>) -> String {
    let place = fault.location().map_or_else(String::new, |it| format!(" at {}:{}", it.file(), it.line()));
    let reason = fault.payload_as_str().unwrap_or("no reason given");
    format!("internal fault{place}: {reason}; please report it with the profile")
}
