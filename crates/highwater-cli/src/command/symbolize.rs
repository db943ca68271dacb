//! `highwater symbolize`: the same profile with names and lines in it, for tools that cannot find them.

use std::path::PathBuf;

use highwater_profile::{file, pprof};

use crate::error::CliError;
use crate::shared::Shared;
use crate::{load, output};

const EXAMPLES: &str = "\
Examples:
  highwater symbolize heap.pb.gz -o named.pb.gz
  go tool pprof -top named.pb.gz";

/// Write a profile again with functions, files and lines in it
///
/// Other tools then need no binaries, and see inlined functions and full Rust names. Values stay as they are; options
/// that choose values or rows have no effect.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile
    file: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let profile = load::symbolized(&self.file, &self.shared)?;
        file::write_atomically(&self.output, |out| pprof::write(&profile, out))?;
        output::print(&format!("wrote {}\n", self.output.display()))?;
        Ok(())
    }
}
