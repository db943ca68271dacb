//! `highwater trend`: what leaks over a series of snapshots, and what only looks like it.

use std::path::PathBuf;

use highwater_analyze::{GroupBy, TrendOptions};

use crate::error::CliError;
use crate::series::{self, Files};
use crate::shared::Shared;
use crate::{output, parse};

const EXAMPLES: &str = "\
Examples:
  highwater trend snapshots/
  highwater trend --limit 2GiB --by function snapshots/
  highwater trend heap-1.pb.gz heap-2.pb.gz heap-3.pb.gz heap-4.pb.gz";

/// Follow a series of snapshots: which lines leak, and which only warm up, go up and down, or churn
///
/// Of each line it is said what it gains per hour, how it went, and what it does: leak, step, sawtooth, warm-up, churn or
/// steady. Leaks are ranked by sustained net flow: the least that was born beyond what died in any of three windows, after
/// the first quarter of the time. Twelve snapshots or more make for a good series, three are the least.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("limit", |it| it.long("rows")))]
pub(crate) struct Args {
    /// The profiles in order of time (files, - for standard input, or addresses), or one directory with all of them
    ///
    /// Of a directory, hidden and temporary files are passed over, and so are other files than profiles, with a remark.
    #[arg(required = true, value_name = "FILES|DIR")]
    files: Vec<PathBuf>,
    /// Say when the process reaches this [default: the limit of its cgroup, where the files have it]
    #[arg(long = "limit", value_name = "SIZE", value_parser = parse::memory, help_heading = "What to show")]
    memory: Option<u64>,
    /// Go on without files that are damaged, copies of others or of a process before a restart, and over changes of the
    /// sampling interval
    #[arg(long, help_heading = "What to show")]
    force: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut files = Files::of(&self.files, self.force)?;
        let series = files.follow(&self.shared.leak_query(GroupBy::Line), &self.shared)?;
        let limit_bytes = self.memory.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        let trend = series.trend(&TrendOptions { limit_bytes }).map_err(series::whole(&files))?;
        output::answer(&self.shared, "trend", &trend, |it| highwater_report::trend(it, &output::view()))
    }
}
