//! `highwater info`: the content of a file. It shows the file unchanged, and says how to get missing names.

use std::path::PathBuf;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{load, names, output};

const EXAMPLES: &str = "\
Examples:
  highwater info heap.pb.gz
  highwater info --json heap.pb.gz";

/// Say what a file holds: values, sampling, mapped files and their build ids, what is missing
///
/// Shows the file unchanged, without names that are not in it. Names are still looked up, to say which are
/// missing here and how to supply them. Options that choose values or rows have no effect.
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
        let profile = load::raw(&self.file, &self.shared)?;
        let mut answer = highwater_analyze::info(&profile);
        let mut named = profile.clone();
        let summary = load::find_symbols(&self.file, &mut named, &self.shared)?;
        answer.notes.extend(names::missing(&summary));
        output::answer(&self.shared, "info", &answer, |it| highwater_report::info(it, &output::view()))
    }
}
