//! `highwater spikes`: when the memory of the process jumped, and which lines allocated it.

use std::path::PathBuf;

use highwater_analyze::{GroupBy, SnapshotTotals, Spikes, SpikesOptions, Suspects, find_spikes};
use serde::Serialize;

use crate::error::CliError;
use crate::output;
use crate::parse;
use crate::series::{self, Files};
use crate::shared::Shared;

const EXAMPLES: &str = "\
Examples:
  highwater spikes snapshots/
  highwater spikes --by function --json heap-1.pb.gz heap-2.pb.gz heap-3.pb.gz";

/// Find the times at which memory jumped, and the lines whose allocations explain the largest jump
///
/// An interval is a spike by its allocations beyond the usual rate, by the process's peak, or by its live
/// bytes. Several intervals that belong together are one spike, and so is a slow rise that falls again. Each
/// spike names the two files to compare: the last one before it, and the one with the most live memory. The
/// command finds all spikes that highwater watch reports. Lines are ranked by their allocations beyond their
/// own usual rate, so temporary blocks show although they are live in no snapshot.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profiles in order of time (files, - for standard input, or addresses), or one directory with all
    /// of them
    #[arg(required = true, value_name = "FILES|DIR")]
    files: Vec<PathBuf>,
    /// Continue without files that are damaged or copies of others, across restarts of the process, and
    /// across changes of the sampling interval
    #[arg(long, help_heading = "What to show")]
    force: bool,
    /// Smallest jump that counts, as a share of live memory
    #[arg(long, value_name = "FRACTION", default_value = "0.1", value_parser = parse::fraction, help_heading = "What to show")]
    min_rise: f64,
    #[command(flatten)]
    shared: Shared,
}

/// The printed answer: the spikes, and the files around the largest one with its explanation.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    spikes: Spikes,
    /// The files to compare for each spike: the last one before it, and the one with the most live memory.
    files: Vec<[String; 2]>,
    /// What explains the largest spike.
    suspects: Option<Suspects>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut files = Files::from_paths(&self.files, self.force)?;
        let totals = files.scan(&self.shared, SnapshotTotals::of)?;
        let (paths, totals) = self.continuous(&files.paths, totals)?;
        if totals.len() < 2 {
            return Err(series::whole(&files)(highwater_analyze::SeriesError::TooFew(totals.len())));
        }
        let limit = self.shared.query(GroupBy::Line).limit.unwrap_or(usize::MAX);
        let options = SpikesOptions { min_rise: self.min_rise, limit, ..SpikesOptions::default() };
        let spikes = find_spikes(&totals, &options);
        let suspects = match spikes.spikes.first() {
            None => None,
            Some(spike) => Some(series::explain(spike, &totals, &paths, &self.shared)?),
        };
        let name = |at: usize| paths[at].display().to_string();
        let names = spikes.spikes.iter().map(|it| [name(it.before), name(it.after)]).collect();
        let answer = Answer { spikes, files: names, suspects };
        output::answer(&self.shared, "spikes", &answer, |it| {
            highwater_report::spikes(&it.spikes, &it.files, it.suspects.as_ref(), &output::view())
        })
    }

    /// The snapshots that continue each other, without restarts in between.
    fn continuous(
        &self,
        paths: &[PathBuf],
        totals: Vec<SnapshotTotals>,
    ) -> Result<(Vec<PathBuf>, Vec<SnapshotTotals>), CliError> {
        let mut kept: Vec<(PathBuf, SnapshotTotals)> = Vec::with_capacity(totals.len());
        for (path, now) in paths.iter().zip(totals) {
            if let Some((before, last)) = kept.last() {
                let error = |source| series::series_error(path, Some(before), source);
                if let Some(reason) = now.objection_behind(last).map_err(error)? {
                    if !self.force {
                        return Err(error(reason));
                    }
                    output::note(&series::forced_note(path, Some(before), &reason));
                    if matches!(reason, highwater_analyze::SeriesError::Duplicate { .. }) {
                        continue;
                    }
                }
            }
            kept.push((path.clone(), now));
        }
        Ok(kept.into_iter().unzip())
    }
}
