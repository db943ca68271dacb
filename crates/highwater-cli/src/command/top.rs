//! `highwater top`: the rows that hold the most memory.

use std::path::PathBuf;

use highwater_analyze::{GroupBy, Query};

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater top heap.pb.gz
  highwater top --sample alloc-bytes --by crate heap.pb.gz
  highwater top --focus '^demo::parse' --limit 5 --json heap.pb.gz";

/// Rank lines, functions or other parts of the program by the memory they hold
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    /// Rank by what a row and everything it calls hold, and list callers that hold nothing themselves
    #[arg(long, help_heading = "What to show")]
    cumulative: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let query = Query { cumulative: self.cumulative, ..self.shared.query(GroupBy::Line) };
        let answer = highwater_analyze::top(&profile, &query).map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "top", &answer, |it| highwater_report::top(it, &output::view()))
    }
}
