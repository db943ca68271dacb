//! `highwater types`: which types hold most, what keeps them and where they are made.

use std::path::PathBuf;

use highwater_analyze::GroupBy;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater types heap.pb.gz
  highwater types --type Session --sample alloc-bytes heap.pb.gz
  highwater diff --by type before.pb.gz after.pb.gz";

/// Show which types hold most, which collections keep them, and which lines make them
///
/// The names of the functions that allocated a block tell its type. They carry type arguments in debug
/// information, also in line tables, and in the newer mangling of names. A row without a type says why.
/// `highwater diff --by type` shows the change between two profiles.
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
        let query = self.shared.query(GroupBy::Type);
        let answer = highwater_analyze::types(&profile, &query).map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "types", &answer, |it| highwater_report::types(it, &output::view()))
    }
}
