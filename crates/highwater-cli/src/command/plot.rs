//! `highwater plot`: memory over time.

use std::path::PathBuf;

use highwater_analyze::GroupBy;
use highwater_profile::file;
use highwater_report::MOST_ROWS;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{output, pages};

const EXAMPLES: &str = "\
Examples:
  highwater plot snapshots/ -o memory.svg
  highwater plot --by crate snapshots/ -o crates.svg";

/// Draw memory over time as an SVG file: the largest rows stacked, the resident set, the limit, spikes
///
/// With --json what would be drawn is written instead.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profiles in order of time, or the directory they are in
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        if self.output.extension().is_some_and(|it| it.eq_ignore_ascii_case("png")) && !self.shared.json {
            return Err(CliError::Plot(format!(
                "{}: drawings are SVG files; give the file a name that ends in .svg",
                self.output.display()
            )));
        }
        let mut query = self.shared.query(GroupBy::Line);
        query.limit = Some(query.limit.map_or(MOST_ROWS, |it| it.min(MOST_ROWS)));
        let timeline = pages::timeline(&self.files, &self.shared, query)?;
        let document = if self.shared.json {
            highwater_report::json("plot", &timeline)?
        } else {
            let title = pages::title(&self.files);
            highwater_report::plot(&timeline, &title)
                .map_err(|it| CliError::Plot(format!("{title}: {it}")))?
        };
        file::write_atomically(&self.output, |out| out.write_all(document.as_bytes()))?;
        output::print(&format!("wrote {}\n", self.output.display()))?;
        Ok(())
    }
}
