//! The commands and their arguments.

use clap::{Parser, Subcommand};

use crate::command;
use crate::error::CliError;
use crate::output::Outcome;

const EXAMPLES: &str = "\
Examples:
  highwater top heap.pb.gz                        which lines hold memory now
  highwater top --sample peak-bytes heap.pb.gz    which held it when most was in use
  highwater top http://localhost:6060             the same of a running service
  highwater diff before.pb.gz after.pb.gz         what grew, beyond sampling noise
  highwater trend snapshots/                      what leaks, over a series of snapshots
  highwater spikes snapshots/                     when the process jumped, and whose allocations did it
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 5%    a gate for CI
  highwater leaks snapshots/                      what is alive and should not be
  highwater advise heap.pb.gz                     what to change, and what it saves
  highwater tree --focus parse heap.pb.gz         how memory came to be allocated
  highwater peek 'Index::add' heap.pb.gz          callers and callees of a function
  highwater list 'Index::add' heap.pb.gz          its source, line by line
  highwater flame heap.pb.gz -o heap.svg          a flame graph
  highwater flame --diff before.pb.gz after.pb.gz -o growth.svg
  highwater report heap.pb.gz -o report.html      all of it as one page for a browser
  highwater plot snapshots/*.pb.gz -o memory.svg  memory over time
  highwater info heap.pb.gz                       what a file holds
  highwater convert heap.pb.gz heap.speedscope.json    the same for another tool
  highwater merge a.pb.gz b.pb.gz -o all.pb.gz    several processes as one
  highwater watch http://host:6060 --every 90s    snapshots of a service; what is found, as a folder
  highwater live snapshots/                       a screen to look around in, in the terminal
  cargo highwater init-tests                      have tests checked for leaks
  highwater symbolize heap.pb.gz -o named.pb.gz   the same with names, for other tools

Lines are as wide as the terminal; elsewhere as the variable COLUMNS says, or 80.
Colours follow the terminal and the variable NO_COLOR.
Exit codes: 0 the answer was given; 2 it was not, and one line on stderr says why. Gates: 1 found something, 3 cannot tell.";

/// Read, compare and draw heap profiles.
///
/// Files are heap profiles from Highwater's allocator or other tools: pprof, DHAT, jemalloc, gperftools, Go's text,
/// heaptrack, memray's CSV, folded stacks, speedscope, V8, OpenTelemetry, massif, and the leak reports of memcheck and
/// LeakSanitizer. What a file is shows in its content. In the place of a file, - is standard input, and an address
/// (http://host:6060, unix:/run/app.sock) is that of an agent or of a Go service. Functions and lines are looked up in the
/// binaries that a profile names, if they are the same build.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, after_help = EXAMPLES, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Top(command::top::Args),
    Diff(command::diff::Args),
    Trend(command::trend::Args),
    Spikes(command::spikes::Args),
    Check(command::check::Args),
    Leaks(command::leaks::Args),
    Advise(command::advise::Args),
    Tree(command::tree::Args),
    Peek(command::peek::Args),
    List(command::list::Args),
    Flame(command::flame::Args),
    Report(command::report::Args),
    Plot(command::plot::Args),
    Info(command::info::Args),
    InitTests(command::init_tests::Args),
    Convert(command::convert::Args),
    Merge(command::merge::Args),
    Watch(command::watch::Args),
    Live(command::live::Args),
    Symbolize(command::symbolize::Args),
}

impl Cli {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        match self.command {
            Command::Top(args) => args.run(),
            Command::Diff(args) => args.run(),
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
