//! `highwater diff`: what changed between two profiles.

use std::path::PathBuf;

use clap::ValueEnum;
use highwater_analyze::{DiffMode, DiffOptions, GroupBy};
use highwater_report::View;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output, parse};

const EXAMPLES: &str = "\
Examples:
  highwater diff before.pb.gz after.pb.gz
  highwater diff --base-mode diff --noise before.pb.gz after.pb.gz
  highwater diff --sample alloc-bytes --by function before.pb.gz after.pb.gz
  highwater diff last-week.pb.gz today.pb.gz

Two snapshots of one process are compared block by block: what is new, what is dead, and
what survived, whose samples are in both and cancel. Profiles of two processes, before and
after a fix for instance, are independent recordings with larger errors. The answer says what
the comparison does not know: how much two runs differ besides sampling, for instance.";

/// Compare two profiles: growth first, and what may be sampling noise kept apart
///
/// Growth is ranked by its lower bound (the lower end of its 95 % interval). Every row is tested, and counts
/// as a change when its q-value is not above the false discovery rate.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The earlier profile: a file, - for standard input, or an address (http://host:6060)
    base: PathBuf,
    /// The later profile: a file, - for standard input, or an address
    new: PathBuf,
    #[arg(hide = true)]
    more: Vec<PathBuf>,
    #[command(flatten)]
    options: Comparison,
    /// Also list the changes that may be noise (as --limit 0 does)
    #[arg(long, help_heading = "What to show")]
    noise: bool,
    #[command(flatten)]
    shared: Shared,
}

/// How two profiles are compared.
#[derive(Debug, clap::Args)]
pub(crate) struct Comparison {
    /// The whole that percentages refer to
    #[arg(long, value_name = "MODE", value_enum, default_value_t = BaseMode::Base, help_heading = "What to show")]
    base_mode: BaseMode,
    /// Compare profiles even when their values are in different units
    #[arg(long, help_heading = "What to show")]
    force: bool,
    /// The false discovery rate: the share of false alarms among all rows called changes
    #[arg(long, value_name = "FRACTION", default_value = "0.05", value_parser = parse::fraction, help_heading = "What to show")]
    fdr: f64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BaseMode {
    /// Of all changes, added up without their signs
    Base,
    /// Of the base profile
    Diff,
}

impl Comparison {
    pub(crate) fn options(&self) -> DiffOptions {
        let mode = match self.base_mode {
            BaseMode::Base => DiffMode::Base,
            BaseMode::Diff => DiffMode::DiffBase,
        };
        DiffOptions { force: self.force, mode, fdr: self.fdr }
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        if !self.more.is_empty() || [&self.base, &self.new].iter().any(|it| it.is_dir()) {
            return Err(CliError::Target {
                target: "diff".to_owned(),
                reason: "it compares two files; highwater compare --base FILES --new FILES compares groups of processes".to_owned(),
            });
        }
        let [base, new] = load::symbolized_pair([&self.base, &self.new], &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let compare = || highwater_analyze::diff(&base, &new, &query, &self.options.options());
        let answer = load::busy("comparing", compare).map_err(command::question(&[&self.base, &self.new]))?;
        let view = View { noise: self.noise || self.shared.unlimited(), ..output::view() };
        output::answer(&self.shared, "diff", &answer, |it| highwater_report::diff(it, &view))
    }
}
