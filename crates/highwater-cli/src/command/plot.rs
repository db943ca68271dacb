//! `highwater plot`: memory over time.

use std::path::PathBuf;

use highwater_analyze::GroupBy;
use highwater_report::{MOST_ROWS, PlotError};

use crate::error::CliError;
use crate::shared::Shared;
use crate::{output, pages};

const EXAMPLES: &str = "\
Examples:
  highwater plot snapshots/ -o memory.svg
  highwater plot snapshots/ -o memory.png
  highwater plot --by crate snapshots/ -o crates.svg";

/// Draw memory over time: live memory, the largest rows stacked, the resident set, the limit, spikes
///
/// A file whose name ends in .png is written as a PNG picture, any other as SVG. With --json the data of the
/// drawing is written instead.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profiles in order of time (files, - for standard input, or addresses), or the directory they are
    /// in
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut query = self.shared.query(GroupBy::Line);
        query.limit = Some(query.limit.map_or(MOST_ROWS, |it| it.min(MOST_ROWS)));
        let timeline = pages::timeline(&self.files, &self.shared, query)?;
        let is_picture = self.output.extension().is_some_and(|it| it.eq_ignore_ascii_case("png"));
        let title = pages::title(&self.files);
        let document = if self.shared.json {
            highwater_report::json("plot", &timeline)?.into_bytes()
        } else if is_picture {
            highwater_report::plot_png(&timeline, &title).map_err(|it| undrawn(&title, &it))?
        } else {
            highwater_report::plot(&timeline, &title).map_err(|it| undrawn(&title, &it))?.into_bytes()
        };
        output::document(&self.output, |out| out.write_all(&document))?;
        output::about_document(&self.output, &format!("wrote {}\n", self.output.display()))?;
        Ok(())
    }
}

fn undrawn(title: &str, error: &PlotError) -> CliError {
    CliError::Plot(format!("{title}: {error}"))
}
