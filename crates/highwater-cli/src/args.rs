//! The commands and their arguments.

use std::env;

use clap::{FromArgMatches, Parser, Subcommand};

use crate::command;
use crate::error::CliError;
use crate::help;
use crate::output::Outcome;

/// Read, compare and draw heap profiles, of Highwater and of other tools.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Top(command::top::Args),
    Diff(command::diff::Args),
    Compare(command::compare::Args),
    Trend(command::trend::Args),
    Spikes(command::spikes::Args),
    Check(command::check::Args),
    Leaks(command::leaks::Args),
    Advise(command::advise::Args),
    Tree(command::tree::Args),
    Peek(command::peek::Args),
    List(command::list::Args),
    Types(command::types::Args),
    Rss(command::rss::Args),
    Flame(command::flame::Args),
    Report(command::report::Args),
    Plot(command::plot::Args),
    Info(command::info::Args),
    InitTests(command::init_tests::Args),
    Convert(command::convert::Args),
    Merge(command::merge::Args),
    Run(command::run::Args),
    Record(command::record::Args),
    Cargo(command::cargo::Args),
    Watch(command::watch::Args),
    Live(command::live::Args),
    Symbolize(command::symbolize::Args),
}

impl Cli {
    /// The arguments of this process.
    pub(crate) fn from_process() -> Result<Self, clap::Error> {
        let mut grammar = help::command();
        let matches = grammar.try_get_matches_from_mut(env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut grammar))
    }

    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        match self.command {
            Command::Top(args) => args.run(),
            Command::Types(args) => args.run(),
            Command::Rss(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Trend(args) => args.run(),
            Command::Spikes(args) => args.run(),
            Command::Check(args) => return args.run(),
            Command::Leaks(args) => return args.run(),
            Command::Advise(args) => args.run(),
            Command::Tree(args) => args.run(),
            Command::Peek(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Flame(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Plot(args) => args.run(),
            Command::Info(args) => args.run(),
            Command::InitTests(args) => return args.run(),
            Command::Convert(args) => args.run(),
            Command::Merge(args) => args.run(),
            Command::Run(args) => return args.run(),
            Command::Cargo(args) => return args.run(),
            Command::Record(args) => args.run(),
            Command::Watch(args) => args.run(),
            Command::Live(args) => args.run(),
            Command::Symbolize(args) => args.run(),
        }
        .map(|()| Outcome::Answered)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
