//! `highwater types`: which types hold most, what keeps them and where they are made; which types changed;
//! and how they are laid out.

use std::path::{Path, PathBuf};

use highwater_analyze::{GroupBy, Query};
use highwater_report::View;

use crate::command::diff::Comparison;
use crate::config::Config;
use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, layouts, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater types heap.pb.gz
  highwater types before.pb.gz after.pb.gz
  highwater types --layout heap.pb.gz
  highwater types --layout-file target/release/demo heap.pb.gz
  highwater types --type Session --sample alloc-bytes heap.pb.gz";

/// Show which types hold most, which collections keep them, and which lines make them
///
/// The names of the functions that allocated a block tell its type. They carry type arguments in debug
/// information, also in line tables, and in the newer mangling of names. A row without a type says why.
/// With two profiles, the rows are the types that changed, as in highwater diff. --layout shows the fields,
/// variants and padding of the types, and what a box would save; it needs debug information with types.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    /// A later profile, to compare with the first
    new: Option<PathBuf>,
    /// Of two profiles, also list the changes that may be noise (as --limit 0 does)
    #[arg(long, requires = "new", help_heading = "What to show")]
    noise: bool,
    /// Show the layouts of the types, from debug information with types (debug = "full")
    #[arg(long, conflicts_with = "new", help_heading = "What to show")]
    layout: bool,
    /// Show the layouts of the types as in this file: a build of the same source with debug = "full", whether
    /// the profile is of that build or not
    #[arg(long, value_name = "PATH", conflicts_with = "new", help_heading = "What to show")]
    layout_file: Option<PathBuf>,
    #[command(flatten)]
    options: Comparison,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let containers = Config::load(None)?.containers;
        let query = Query { containers, ..self.shared.query(GroupBy::Type) };
        match &self.new {
            None if self.layout || self.layout_file.is_some() => self.layout(&query),
            None => self.one(&query),
            Some(new) => self.two(new, &query),
        }
    }

    fn one(&self, query: &Query) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let answer = highwater_analyze::types(&profile, query).map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "types", &answer, |it| highwater_report::types(it, &output::view()))
    }

    fn layout(&self, query: &Query) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        let shapes = layouts::of(&self.file, &profile, self.layout_file.as_deref(), query, &self.shared)?;
        let answer =
            highwater_analyze::layout(&profile, query, &shapes).map_err(command::question(&[&self.file]))?;
        output::answer(&self.shared, "layout", &answer, |it| highwater_report::layout(it, &output::view()))
    }

    fn two(&self, new: &Path, query: &Query) -> Result<(), CliError> {
        let files = [self.file.as_path(), new];
        let profiles = load::symbolized_pair(files, &self.shared)?;
        let compare =
            || highwater_analyze::types_diff(&profiles[0], &profiles[1], query, &self.options.options());
        let answer = load::busy("comparing", compare).map_err(command::question(&files))?;
        let view = View { noise: self.noise || self.shared.unlimited(), ..output::view() };
        output::answer(&self.shared, "types_diff", &answer, |it| highwater_report::types_diff(it, &view))
    }
}
