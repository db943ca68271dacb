//! `highwater compare`: two groups of processes, with the process as the unit.

use std::path::Path;

use highwater_analyze::{GroupBy, GroupOptions, GroupSide, GroupsBuilder, Normalize};
use highwater_report::View;

use crate::error::CliError;
use crate::group_files::{self, Member};
use crate::load::Progress;
use crate::shared::Shared;
use crate::{command, input, load, output, parse, series};

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
        let groups = [
            (GroupSide::Base, group_files::members(&self.base)?),
            (GroupSide::New, group_files::members(&self.new)?),
        ];
        if let Some(both) = groups[0].1.iter().find(|it| groups[1].1.iter().any(|new| new.path == it.path)) {
            let reason = "it is in both groups; a process belongs to one".to_owned();
            return Err(CliError::Target { target: input::shown(&both.path), reason });
        }
        let mut builder = GroupsBuilder::new(self.shared.query(GroupBy::Line), self.normalize());
        for (side, members) in &groups {
            self.read(*side, members, &mut builder)?;
        }
        let options = GroupOptions { fdr: self.fdr };
        let answer = load::busy("comparing", || builder.finish(&options)).map_err(|source| {
            let files = groups.iter().filter_map(|it| it.1.first()).map(|it| it.path.clone()).collect();
            CliError::Question { files, source }
        })?;
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

    /// Adds the processes of a group, with one profile in memory at a time.
    fn read(&self, side: GroupSide, members: &[Member], builder: &mut GroupsBuilder) -> Result<(), CliError> {
        let bar = Progress::start("reading processes".to_owned(), "files");
        let mut others = 0;
        for (done, member) in members.iter().enumerate() {
            bar.show(done, members.len());
            let path: &Path = &member.path;
            let mut profile = match load::raw(path, &self.shared) {
                Ok(profile) => profile,
                Err(error) if member.in_directory && series::is_no_profile(&error) => {
                    others += 1;
                    continue;
                }
                Err(error @ (CliError::File(_) | CliError::Target { .. } | CliError::Input { .. }))
                    if self.force =>
                {
                    output::note(&format!("{error}; it is left out (--force)"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            load::symbolize_quietly(path, &mut profile, &self.shared)?;
            let counter = member.counters.get(&self.normalize).copied();
            builder
                .push(side, input::shown(path), &profile, counter)
                .map_err(command::question(&[path]))?;
        }
        drop(bar);
        if others > 0 {
            let directory = members.first().and_then(|it| it.path.parent()).unwrap_or(Path::new("."));
            output::note(&format!("{}: files that are no profiles were passed over: {others}", directory.display()));
        }
        Ok(())
    }
}
