//! `highwater advise`: what could be done about a program's allocations.

use std::path::PathBuf;

use highwater_analyze::{GroupBy, Query};

use crate::config::Config;
use crate::error::CliError;
use crate::history::Past;
use crate::shared::Shared;
use crate::{load, output};

const EXAMPLES: &str = "\
bound     it only grows: give a map or a queue a bound
shrink    large live blocks that grew by doubling, and were not trimmed
hoist     something is built again and again: build it once, outside of the loop
reserve   it grows by reallocation: ask for the capacity that it comes to
reuse     blocks of one size that live briefly, at a high rate: keep a buffer, or pool them
compact   live blocks that keep nearly empty pages resident: keep them apart from blocks that are freed
trim      free memory that stays resident: have the allocator give it back

A file is about the time from the start of the process, a directory about the time between its first and its last
snapshot. Savings below --min-fraction of all that was allocated, in bytes and in blocks, are left out, and so is what
may be sampling noise. Compact and trim need a profile that says what is resident (highwater rss). Profiles of other tools allow part of this, and what they do not allow is said.

Examples:
  highwater advise heap.pb.gz
  highwater advise snapshots/ --limit 5
  highwater advise heap.pb.gz --focus 'handle_request' --json";

/// Advise on what to change: lines that could allocate less, and how much less
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A directory of snapshots of one process, or a profile: a file, - for standard input, or an address
    /// (http://host:6060)
    path: PathBuf,
    /// Continue without directory snapshots that are damaged, are copies of others, or come from before a
    /// restart, and across changes of the sampling interval
    #[arg(long, help_heading = "What to read")]
    force: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let containers = Config::load(None)?.containers;
        let query = Query { containers, ..self.shared.query(GroupBy::Line) };
        let past = Past::read(&self.path, &query, self.force, &self.shared)?;
        let answer = load::busy("looking for what could be less", || {
            highwater_analyze::advise(&past.last, past.first.as_ref(), &past.history, &query)
        });
        output::answer(&self.shared, "advise", &answer, |it| highwater_report::advise(it, &output::view()))
    }
}
