//! Builds the programs, with only the selected peers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

use super::contestants::{COUNTED, Contestant, Start};
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

const PACKAGE: &str = "highwater-bench";

/// The paths of the built programs and of their input.
pub struct Programs {
    directory: PathBuf,
    /// The Rust sources that the workload `syn` parses.
    sources: PathBuf,
    /// A directory for files that tools leave; removed at the end.
    scratch: tempfile::TempDir,
}

impl Programs {
    /// The command line that runs a workload under a contestant.
    pub fn line(&self, contestant: &Contestant, workload: &str, length: [&str; 2]) -> Line<'_> {
        let program = self.path(contestant);
        let plain = |program: &Path| Line::new(self.scratch.path(), program).without_env("HIGHWATER");
        let line = match contestant.start {
            Start::Plainly => plain(&program),
            Start::With(variables) => with(Line::new(self.scratch.path(), &program), variables),
            Start::Preloaded(library, variables) => {
                with(plain(&program), variables).env("LD_PRELOAD", library)
            }
            Start::By(tool, arguments) => plain(Path::new(tool)).args(arguments).args([program.as_os_str()]),
        };
        // Tools print their results to stderr, each time.
        line.quiet().args([workload]).args(length).args(["--sources".as_ref(), self.sources.as_os_str()])
    }

    /// The path of a contestant's program.
    pub fn path(&self, contestant: &Contestant) -> PathBuf {
        self.named(contestant.program)
    }

    /// The path of the program with this name.
    pub fn named(&self, program: &str) -> PathBuf {
        self.directory.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
    }

    /// The directory for files of tools that write into their working directory.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

/// A command line with these variables in its environment.
pub fn with<'a>(line: Line<'a>, variables: &[(&'static str, &'static str)]) -> Line<'a> {
    variables.iter().fold(line, |line, (name, value)| line.env(name, value))
}

/// Builds the programs of the contestants, and the benchmark's own programs.
///
/// Profilers that are compiled into an allocator's library are built separately: otherwise cargo would build
/// that library once for all programs, with the profiler in it.
///
/// # Errors
/// When a program does not build.
pub fn build(
    workspace: &Workspace,
    frame_pointers: bool,
    contestants: &[&Contestant],
) -> Result<Programs, Failure> {
    let target =
        if frame_pointers { workspace.target.join("bench-frame-pointers") } else { workspace.target.clone() };
    let built_in = |it: &&&Contestant| it.feature.ends_with("-prof");
    let apart: Vec<&Contestant> = contestants.iter().filter(built_in).copied().collect();
    let mut together: Vec<&Contestant> = contestants.iter().filter(|it| !built_in(it)).copied().collect();
    together.push(&COUNTED);
    for group in [together, apart] {
        if group.is_empty() {
            continue;
        }
        let programs: BTreeSet<&str> = group.iter().map(|it| it.program).collect();
        let features: BTreeSet<&str> =
            group.iter().map(|it| it.feature).filter(|feature| !feature.is_empty()).collect();
        let mut line = Line::cargo(&workspace.root)
            .args(["build", "--release", "--package", PACKAGE, "--bin", "bench-instructions"])
            .args(programs.into_iter().flat_map(|program| ["--bin", program]));
        for feature in features {
            line = line.args(["--features", feature]);
        }
        if frame_pointers {
            line = line.args(["--target-dir".as_ref(), target.as_os_str()]);
            line = line.env("RUSTFLAGS", "-C force-frame-pointers=yes");
        }
        line.run()?;
    }
    let scratch = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(&target)
        .map_err(|source| Failure::File { path: target.clone(), source })?;
    Ok(Programs { directory: target.join("release"), sources: sources()?, scratch })
}

/// The sources of the newest syn in the workspace, in cargo's registry cache.
fn sources() -> Result<PathBuf, Failure> {
    let metadata = MetadataCommand::new().exec()?;
    let syn = metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() == "syn")
        .max_by(|a, b| a.version.cmp(&b.version))
        .and_then(|package| package.manifest_path.parent());
    match syn {
        Some(directory) => Ok(directory.join("src").into_std_path_buf()),
        None => Err(Failure::Bench("cargo names no package syn, whose sources are to be parsed".to_owned())),
    }
}
