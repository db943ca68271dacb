//! `highwater live`: a screen in the terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::CliError;
use crate::live::{self, Plan};
use crate::parse;
use crate::shared::Shared;
use crate::watch::Source;

/// Time between two requests to a server. A user waits for the answer.
const EVERY_OF_SERVERS: Duration = Duration::from_secs(10);

/// Time between two looks at a directory.
const EVERY_OF_DIRECTORIES: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  highwater live snapshots                        where Profiler::every(…, \"snapshots\") writes
  highwater live http://localhost:6060            a service with an agent, or what else has /debug/pprof/heap
  highwater live http://host:6060 --every 30s --keep 500 --out /var/tmp

Four views of the snapshot that is shown: what is live, what was allocated since the one before, what grows over the
series, and what changed since the pinned one. ? on the screen lists the keys; docs/READING.md explains them.

--json, --limit and --min-fraction have no effect here: highwater top, diff and trend answer in JSON.
Exit codes: 0 the screen was ended (q, Ctrl-C, a signal, a closed terminal); 2 there was none, and one line on stderr says why.";

/// Watch a running program in the terminal: totals, top lines, growth, differences, back and forth in time
///
/// TARGET is an address (http://…), from which a snapshot is fetched regularly, or a directory into which the
/// program itself writes snapshots. The numbers are the same as in top, diff and trend, with their errors.
///
/// The newest snapshots stay in memory, within --keep and --keep-size, so you can go back to them. When a
/// server does not answer or a file cannot be read, the screen says so and tries again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// An address, or a directory of snapshots
    target: String,
    /// Time between two looks [default: 10s for addresses, 2s for directories]
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    every: Option<Duration>,
    /// Number of snapshots to keep
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(2..))]
    keep: u16,
    /// Memory for the kept snapshots; the oldest are dropped first
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse::size)]
    keep_size: u64,
    /// Directory in which snapshots are saved
    #[arg(short, long, value_name = "DIR", default_value = ".", value_parser = parse::directory)]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let source = self.shared.server.snapshots(&self.target)?;
        if !io::stdout().is_terminal() {
            return Err(CliError::NoTerminal("highwater live draws a screen, and stdout is no terminal"));
        }
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        if std::env::var_os("TERM").is_some_and(|it| it == "dumb") {
            return Err(CliError::NoTerminal(
                "highwater live draws a screen, and this terminal cannot (TERM=dumb)",
            ));
        }
        let every = self.every.unwrap_or(match source {
            Source::Endpoint(_) => EVERY_OF_SERVERS,
            Source::Directory(_) => EVERY_OF_DIRECTORIES,
        });
        let plan = Plan {
            every,
            timeout: self.shared.server.timeout,
            keep: self.keep.into(),
            keep_bytes: self.keep_size,
            out: self.out.clone(),
            colour: !is_set("NO_COLOR"),
        };
        live::run(&plan, source, &self.shared)
    }
}
