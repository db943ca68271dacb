//! `highwater list`: the source of a function, with the memory of each line.

use std::path::PathBuf;

use highwater_analyze::GroupBy;
use regex::Regex;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output, parse, sources};

const EXAMPLES: &str = "\
Examples:
  highwater list 'Index::add$' heap.pb.gz
  highwater list --sample peak-bytes --source ~/src/demo src/index.rs heap.pb.gz";

/// Show the source of matching functions, with the memory of each line: live, ever allocated, at the peak
///
/// Each number covers a line and everything it calls. With --sample only one kind is shown, next to the part
/// that the line itself allocates, with its error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The expression to look for in the names of functions and files
    #[arg(value_parser = parse::regex)]
    regex: Regex,
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    /// Another directory with source files, for files that are not at the path in the profile
    #[arg(long, value_name = "DIR", value_parser = parse::directory)]
    source: Vec<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let answer = highwater_analyze::list(&profile, &self.regex, &query)
            .map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "list", &answer, |it| {
            let sources = sources::load(it, &self.source, profile.time_ns);
            highwater_report::list(it, &sources, &output::view())
        })
    }
}
