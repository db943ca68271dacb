//! `highwater compare`: two groups of processes, with the process as the unit.

use highwater_analyze::{GroupBy, Normalize};
use highwater_report::View;

use crate::error::CliError;
use crate::group_files::GroupFiles;
use crate::shared::Shared;
use crate::{output, parse};

const EXAMPLES: &str = "\
A group is named by files, directories, patterns in quotes, addresses, and lists (@FILE). A list has one
of these a line, relative to the list, and may give numbers with it: pod-1.pb.gz requests=1200.

Each process counts once. A row is called when the groups differ by more than their own processes do.
That needs two processes a side; five or more find what matters. The answer says what groups of other
sizes would find.

Examples:
  highwater compare --base 'v1/*.pb.gz' --new 'v2/*.pb.gz'
  highwater compare --base main/ --new pull-request/ --sample alloc-bytes --by function
  highwater compare --base @stable.txt --new @canary.txt --normalize requests
  highwater compare --base http://pod-1:6060 http://pod-2:6060 --new http://pod-9:6060 http://pod-10:6060";

/// Compare two groups of processes or runs: what differs between them, beyond what differs within
///
/// The process is the unit: every row has one value a process. How much processes of a group differ is
/// measured by the processes themselves, apart from sampling error, and over all rows together.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The processes to compare with: files, directories, patterns, addresses or lists
    #[arg(long, required = true, num_args = 1.., value_name = "FILES")]
    base: Vec<String>,
    /// The processes in question
    #[arg(long, required = true, num_args = 1.., value_name = "FILES")]
    new: Vec<String>,
    /// Divide each process by its total, by the time it has run, or by a number of the lists (requests), and
    /// scale to the mean of all processes
    #[arg(long, value_name = "none|total|time|NAME", default_value = "none", help_heading = "What to show")]
    normalize: String,
    /// The false discovery rate: the share of false alarms among all rows that are called
    #[arg(long, value_name = "FRACTION", default_value = "0.05", value_parser = parse::fraction, help_heading = "What to show")]
    fdr: f64,
    /// Also list the rows that are not called (as --limit 0 does)
    #[arg(long, help_heading = "What to show")]
    noise: bool,
    /// Continue without files that are damaged and servers that do not answer
    #[arg(long, help_heading = "What to read")]
    force: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let files = GroupFiles { base: &self.base, new: &self.new, force: self.force, shared: &self.shared };
        let answer = files.compare(self.shared.query(GroupBy::Line), &self.normalize(), self.fdr)?;
        let view = View { noise: self.noise || self.shared.unlimited(), ..output::view() };
        output::answer(&self.shared, "compare", &answer, |it| highwater_report::groups(it, &view))
    }

    fn normalize(&self) -> Normalize {
        match self.normalize.as_str() {
            "none" => Normalize::None,
            "total" => Normalize::Total,
            "time" => Normalize::Time,
            name => Normalize::Counter(name.to_owned()),
        }
    }
}
