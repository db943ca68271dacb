//! `highwater trend`: what leaks over a series of snapshots, and what only looks like a leak.

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
/// Each line shows its growth per hour, its values over time, and its behaviour: leak, step, sawtooth,
/// warm-up, churn or steady. Leaks are ranked by sustained net flow: the smallest excess of new over freed
/// bytes in any of three windows, after the first quarter of the time. A series needs three snapshots; twelve
/// or more make a good one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("limit", |it| it.long("rows")))]
pub(crate) struct Args {
    /// The profiles in order of time (files, - for standard input, or addresses), or one directory with all
    /// of them
    ///
    /// In a directory, hidden and temporary files are skipped, and files that are not profiles are skipped
    /// with a remark.
    #[arg(required = true, value_name = "FILES|DIR")]
    files: Vec<PathBuf>,
    /// Say when the process will reach this size [default: the limit of its cgroup, if the files have it]
    #[arg(long = "limit", value_name = "SIZE", value_parser = parse::memory, help_heading = "What to show")]
    memory: Option<u64>,
    /// Continue without files that are damaged, are copies of others, or come from before a restart, and
    /// across changes of the sampling interval
    #[arg(long, help_heading = "What to show")]
    force: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut files = Files::from_paths(&self.files, self.force)?;
        let series = files.follow(&self.shared.leak_query(GroupBy::Line), &self.shared)?;
        let limit_bytes = self.memory.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        let trend = series.trend(&TrendOptions { limit_bytes }).map_err(series::whole(&files))?;
        output::answer(&self.shared, "trend", &trend, |it| highwater_report::trend(it, &output::view()))
    }
}
