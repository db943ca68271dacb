//! `highwater symbolize`: the same profile with names and lines, for tools that cannot look them up.

use std::path::{Path, PathBuf};

use highwater_profile::pprof;
use highwater_symbol::{MappingOutcome, Summary};
use serde::Serialize;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{load, names, output};

const EXAMPLES: &str = "\
Examples:
  highwater symbolize heap.pb.gz -o named.pb.gz
  highwater symbolize heap.pb.gz --debug-dir symbols/ --binary build/demo -o named.pb.gz
  go tool pprof -top named.pb.gz";

/// Write a profile again with functions, files and lines in it
///
/// Other tools then need no binaries, and see inlined functions and full Rust and C++ names. Values do not
/// change; options that choose values or rows have no effect.
///
/// A binary is used only if its build id is that in the profile. An address whose file is not found stays an
/// address with its module and offset, and can get its name later: symbolize the result again where the file
/// is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    file: PathBuf,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

/// The number of named addresses, for text output and `--json`.
#[derive(Serialize)]
struct Answer {
    output: PathBuf,
    /// Addresses without a name before this run.
    addresses: usize,
    named: usize,
    with_lines: usize,
    /// How many of all addresses took their names from the cache of an earlier run.
    from_cache: usize,
    /// Addresses in no mapped file.
    outside: usize,
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct Module {
    file: String,
    build_id: String,
    addresses: usize,
    named: usize,
    with_lines: usize,
    /// Why the module's file was not found.
    missing: Option<String>,
    /// Why the file's debug information cannot be used.
    unusable: Option<String>,
    /// Whether split debug information was not found.
    split_is_missing: bool,
    /// An explanation for readers who expected more names.
    #[serde(skip)]
    remark: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut profile = load::raw(&self.file, &self.shared)?;
        let summary = load::find_symbols(&self.file, &mut profile, &self.shared)?;
        if let Some(error) = CliError::foreign_binary(&self.file, &profile, &summary) {
            return Err(error);
        }
        output::document(&self.output, |out| pprof::write(&profile, out))?;
        let answer = Answer::new(&self.output, &summary);
        output::answer_about(&self.output, &self.shared, "symbolize", &answer, Answer::text)?;
        answer.modules.iter().filter_map(|it| it.remark.as_ref()).for_each(|it| output::note(it));
        Ok(())
    }
}

impl Answer {
    fn new(output: &Path, summary: &Summary) -> Self {
        Self {
            output: output.to_owned(),
            addresses: summary.mappings.iter().map(|it| it.locations).sum(),
            named: summary.resolved(),
            with_lines: summary.with_lines(),
            from_cache: summary.cached_locations,
            outside: summary.unmapped_locations,
            modules: summary.mappings.iter().map(Module::new).collect(),
        }
    }

    fn text(&self) -> String {
        let Self { addresses, named, with_lines, .. } = self;
        let output = self.output.display();
        if *addresses == 0 {
            return format!("wrote {output}: there was no address without a name\n");
        }
        format!("wrote {output}: {named} of {addresses} addresses have names now, {with_lines} have lines\n")
    }
}

impl Module {
    fn new(outcome: &MappingOutcome) -> Self {
        Self {
            file: outcome.file.clone(),
            build_id: outcome.build_id.clone(),
            addresses: outcome.locations,
            named: outcome.resolved,
            with_lines: outcome.with_lines,
            missing: outcome.missing.as_ref().map(ToString::to_string),
            unusable: outcome.unusable.clone(),
            split_is_missing: outcome.split_is_missing,
            remark: names::of_file(outcome),
        }
    }
}
