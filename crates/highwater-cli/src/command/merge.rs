//! `highwater merge`: several profiles as one.

use std::collections::HashMap;
use std::path::PathBuf;

use highwater_profile::{Format, MergeError, Profile, ValueType, files_of_several_builds};

use super::convert;
use crate::error::CliError;
use crate::shared::Shared;
use crate::{input, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater merge worker-*.pb.gz -o workers.pb.gz
  highwater merge monday.pb.gz tuesday.pb.gz --to folded -o both.folded";

/// Add up profiles of several processes, machines or runs
///
/// All values are added, including those at the peak: the peak of each process, whenever it was. Within one
/// build of a program, frames are matched by their position in the file, at any load address. Across builds,
/// frames are matched by function, source file and line, which are looked up first. Rows keep the sampling
/// interval with which they were recorded. Options that choose values or rows have no effect.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profiles: files, - for standard input, or addresses (http://host:6060)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Format of the output [default: from the name, else pprof]
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let known = self.to.or_else(|| convert::format_of(&self.output));
        let format = convert::output_format(&self.output, known.or(Some(Format::Pprof)))?;
        let mut profiles = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let mut profile = convert::load_for(format, path, &self.shared)?;
            // An invalid expression would make the joined expression invalid, too.
            if let Some(error) = highwater_analyze::take_invalid_expressions(&mut profile) {
                output::note(&format!("{}: {error}; left out", input::shown(path)));
            }
            profiles.push(profile);
        }
        load::say_notes(&profiles);
        self.name_rebuilt(&mut profiles)?;
        self.note_one_process(&profiles);
        let merged = load::busy("merging", || highwater_profile::merge(&profiles))
            .map_err(|source| self.refusal(source))?;
        self.note_left_out(&profiles, &merged);
        convert::write("merge", &merged, format, &self.output, &self.shared)
    }

    /// Looks up names for frames of files that occur in several builds, as far as the right binaries are
    /// available.
    fn name_rebuilt(&self, profiles: &mut [Profile]) -> Result<(), CliError> {
        let rebuilt = files_of_several_builds(profiles);
        if rebuilt.is_empty() {
            return Ok(());
        }
        let mut nameless = 0;
        for (path, profile) in self.files.iter().zip(profiles) {
            let summary = load::find_symbols(path, profile, &self.shared)?;
            let is_rebuilt = |file: &str| rebuilt.contains(file.rsplit(['/', '\\']).next().unwrap_or(file));
            let files = summary.mappings.iter().filter(|it| is_rebuilt(&it.file));
            nameless += files.map(|it| it.locations - it.resolved).sum::<usize>();
        }
        if nameless > 0 {
            let files = rebuilt.into_iter().collect::<Vec<_>>().join(", ");
            output::note(&format!(
                "there are several builds of {files}, and {nameless} addresses without a name; addresses of different builds are not merged (--binary)"
            ));
        }
        Ok(())
    }

    /// Notes that blocks live in two snapshots of one process count twice, which is rarely intended.
    fn note_one_process(&self, profiles: &[Profile]) {
        let mut seen: HashMap<i64, &PathBuf> = HashMap::new();
        for (path, profile) in self.files.iter().zip(profiles) {
            let Some(process) = profile.meta.and_then(|meta| meta.process) else { continue };
            if let Some(first) = seen.insert(process, path) {
                output::note(&format!(
                    "{} and {} are snapshots of one process, whose blocks count twice now (highwater diff compares them)",
                    first.display(),
                    path.display()
                ));
            }
        }
    }

    /// Notes which values were left out, because not all profiles have their kind.
    fn note_left_out(&self, profiles: &[Profile], merged: &Profile) {
        for (path, profile) in self.files.iter().zip(profiles) {
            let is_left_out = |it: &&ValueType| !merged.sample_types().contains(it);
            let left_out: Vec<&str> =
                profile.sample_types().iter().filter(is_left_out).map(|it| it.kind.as_str()).collect();
            if !left_out.is_empty() {
                let (path, kinds) = (input::shown(path), left_out.join(", "));
                output::note(&format!("{path}: {kinds} left out, because not all of the profiles have it"));
            }
        }
    }

    fn refusal(&self, source: MergeError) -> CliError {
        let at = match source {
            MergeError::SampleTypes { at, .. }
            | MergeError::PeriodTypes { at, .. }
            | MergeError::Overflow { at, .. } => at,
            _ => 0,
        };
        let files = self.files.first().into_iter().chain(self.files.get(at).filter(|_| at > 0));
        CliError::Merge { files: files.cloned().collect(), source }
    }
}
