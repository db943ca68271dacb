//! `highwater report`: one page for a browser.

use std::path::PathBuf;

use highwater_analyze::GroupBy;

use super::diff::Comparison;
use crate::config::Config;
use crate::error::CliError;
use crate::pages::{self, Wanted};
use crate::shared::Shared;

const EXAMPLES: &str = "\
Examples:
  highwater report heap.pb.gz -o report.html
  highwater report before.pb.gz after.pb.gz -o report.html
  highwater report snapshots/ -o report.html

The page needs no network and no server: it can be kept, and attached to an issue. Two profiles
are compared; of three or more, in order of time, it also shows what became of every row, and
each is compared with the first. What stands out is found as by highwater leaks, trend, spikes
and advise, with the rules of highwater.toml.";

/// Write one page for a browser: findings, flame graph, tables, comparison, and a time line with a slider
///
/// The page has the same numbers as the other commands and is never larger than 2 MiB; it says what had to be
/// left out. With --json its data is written instead.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// One profile, several in order of time (files, - for standard input, or addresses), or the directory
    /// they are in
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The file of rules that accept leaks, instead of the nearest highwater.toml here or in a parent
    /// directory
    #[arg(long, value_name = "FILE", help_heading = "What to read")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Comparison,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let groupings = match &self.shared.by {
            Some(grouping) => vec![grouping.by],
            None => vec![GroupBy::Function, GroupBy::Line, GroupBy::Type],
        };
        let Config { accepted_leaks: accepted, containers, .. } = Config::load(self.config.as_deref())?;
        let options = self.options.options();
        let wanted = Wanted { shared: &self.shared, options, groupings, accepted, containers };
        pages::write(&self.files, &wanted, &self.output)
    }
}
