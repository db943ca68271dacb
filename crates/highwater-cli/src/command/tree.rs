//! `highwater tree`: the calls that led to allocations.

use std::path::PathBuf;

use highwater_analyze::GroupBy;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater tree heap.pb.gz
  highwater tree --by function --min-fraction 0.05 heap.pb.gz";

/// Show the call tree, callers above what they call
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let answer = highwater_analyze::tree(&profile, &query).map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "tree", &answer, |it| highwater_report::tree(it, &output::view()))
    }
}
