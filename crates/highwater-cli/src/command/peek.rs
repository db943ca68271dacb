//! `highwater peek`: one function between its callers and callees.

use std::path::PathBuf;

use highwater_analyze::GroupBy;
use regex::Regex;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output, parse};

const EXAMPLES: &str = "\
Examples:
  highwater peek 'Index::add$' heap.pb.gz
  highwater peek src/index.rs --by function heap.pb.gz";

/// Show what calls the functions that match, and what they call
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The expression to look for in the names of functions, files and modules
    #[arg(value_parser = parse::regex)]
    regex: Regex,
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let answer = highwater_analyze::peek(&profile, &self.regex, &query)
            .map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "peek", &answer, |it| highwater_report::peek(it, &output::view()))
    }
}
