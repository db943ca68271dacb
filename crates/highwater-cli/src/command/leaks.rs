//! `highwater leaks`: memory that is live and should not be.

use std::path::PathBuf;

use highwater_analyze::{GroupBy, Leaks};

use crate::config::Config;
use crate::error::CliError;
use crate::history::Past;
use crate::load;
use crate::output::{self, Outcome};
use crate::shared::Shared;

const EXAMPLES: &str = "\
A directory of snapshots of one process tells most: what grows without end. One file of a process that took several
snapshots tells what piles up, and what outlives its kind. What the files do not allow to be found is said.

Known findings are accepted by rules in highwater.toml, here or in a directory above:

  [[leaks.suppress]]
  pattern = 'Interner::intern'      # function, file or module of any frame, a regular expression
  cause = 'never_freed'             # or grows_without_end, outlives_its_kind; every cause if left out
  reason = 'names are kept for the life of the process'

Exit codes: 0 nothing was found; 1 there are findings; 2 error.

Examples:
  highwater leaks snapshots/
  highwater leaks heap.pb.gz --by function
  highwater leaks snapshots/ --config ci/highwater.toml --json";

/// Find memory that is live and should not be, with the evidence
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A directory of snapshots of one process, or a profile: a file, - for standard input, or an address
    /// (http://host:6060)
    path: PathBuf,
    /// The rules file, instead of the nearest highwater.toml here or in a parent directory
    #[arg(long, value_name = "FILE", help_heading = "What to read")]
    config: Option<PathBuf>,
    /// Continue without directory snapshots that are damaged, are copies of others, or come from before a
    /// restart, and across changes of the sampling interval
    #[arg(long, help_heading = "What to read")]
    force: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        let config = Config::load(self.config.as_deref())?;
        let query = self.shared.leak_query(GroupBy::Line);
        let past = Past::read(&self.path, &query, self.force, &self.shared)?;
        let answer = load::busy("looking for leaks", || {
            highwater_analyze::leaks(&past.last, &past.history, &query, &config.accepted_leaks)
        });
        note_unused(&config, &answer);
        output::answer(&self.shared, "leaks", &answer, |it| highwater_report::leaks(it, &output::view()))?;
        Ok(if answer.findings.is_empty() { Outcome::Answered } else { Outcome::Found })
    }
}

fn note_unused(config: &Config, answer: &Leaks) {
    let Some(path) = &config.path else { return };
    for rule in answer.suppressed.iter().filter(|it| it.unused) {
        let (path, pattern, reason) = (path.display(), &rule.pattern, &rule.reason);
        output::note(&format!(
            "{path}: the rule for `{pattern}` ({reason}) accepts nothing any more; take it out"
        ));
    }
}
