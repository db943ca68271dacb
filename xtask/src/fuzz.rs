//! `cargo xtask fuzz`: libFuzzer searches for input that makes a reader fail.
//!
//! The targets of `tests/fuzz` are built with cargo-fuzz's flags, except for those that need a nightly
//! compiler (AddressSanitizer, which finds little without unsafe code). The search starts with the goldens
//! and with all inputs that reached new code in earlier runs. Inputs that make a reader fail are kept. First,
//! the fuzzer has to find a planted fault.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Duration of the search in seconds, for all readers together.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Only this reader: a file of tests/fuzz/fuzz_targets, without its suffix.
    #[arg(long, value_name = "TARGET")]
    only: Option<String>,
}

impl Options {
    /// The options for every change.
    pub const CI: Self = Self { seconds: 60, only: None };
}

/// The target whose fault has to be found.
const PLANTED: &str = "planted";

/// Makes the compiler record taken branches and compared values, as libFuzzer needs.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=yes -Coverflow-checks=yes";

/// Builds the targets and runs one after the other.
///
/// # Errors
/// When a target does not build, a reader fails, or the planted fault is not found.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let targets = targets(&workspace.root)?;
    let chosen: Vec<&String> = targets
        .iter()
        .filter(|name| *name != PLANTED && options.only.as_ref().is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::Fuzz(format!("there is no such target; there are {}", targets.join(", "))));
    }
    let place = workspace.target.join("fuzz");
    let programs = build(workspace, &place)?;
    let seeds = place.join("seeds");
    let count = seed(&workspace.root.join("tests/golden"), &seeds)?;
    println!("{count} seeds from tests/golden");

    let found = place.join("found");
    let planted = Target { programs: &programs, name: PLANTED, place: &place, seeds: &seeds, found: &found };
    if planted.look(30).is_ok() {
        return Err(Failure::Fuzz("the planted fault was not found: the fuzzer sees nothing".to_owned()));
    }
    println!("The planted fault was found.");
    let seconds = (options.seconds / chosen.len() as u64).max(1);
    let fell: Vec<&str> = chosen
        .iter()
        .filter(|name| Target { name, ..planted }.look(seconds).is_err())
        .map(|name| name.as_str())
        .collect();
    if fell.is_empty() {
        return Ok(());
    }
    let (fell, found) = (fell.join(", "), found.display());
    Err(Failure::Fuzz(format!(
        "{fell} fell over; what it was given is in {found}. Put it into a test, and run the target with that file to see it again"
    )))
}

/// The names of all targets, in order.
fn targets(root: &Path) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = files(&root.join("tests/fuzz/fuzz_targets"))?
        .iter()
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all targets and returns their directory. This is a separate build, because every crate in it is
/// instrumented.
fn build(workspace: &Workspace, place: &Path) -> Result<PathBuf, Failure> {
    let version = Line::new(&workspace.root, "rustc").args(["-vV"]).capture()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    Line::cargo(&workspace.root)
        // With an explicit target, the flags do not apply to build scripts.
        .env("RUSTFLAGS", COVERAGE)
        .args(["build", "--release", "--package", "highwater-fuzz", "--features", "libfuzzer", "--bins"])
        .args(["--target", &host, "--target-dir"])
        .args([place])
        .run()?;
    Ok(place.join(host).join("release"))
}

/// Copies every golden, compressed and uncompressed, into one directory. Returns the number of files.
fn seed(goldens: &Path, seeds: &Path) -> Result<usize, Failure> {
    use std::io::Read;

    let mut contents = Vec::new();
    for case in files(goldens)?.iter().filter(|it| it.is_dir()) {
        for file in files(case)?.iter().filter(|it| it.is_dir()) {
            for golden in files(file)? {
                let content = fs::read(&golden).map_err(|source| Failure::File { path: golden, source })?;
                let mut unpacked = Vec::new();
                if flate2::read::MultiGzDecoder::new(&content[..]).read_to_end(&mut unpacked).is_ok() {
                    contents.push(unpacked);
                }
                contents.push(content);
            }
        }
    }
    let fail = |source| Failure::File { path: seeds.to_owned(), source };
    fs::create_dir_all(seeds).map_err(fail)?;
    for (at, content) in contents.iter().enumerate() {
        fs::write(seeds.join(at.to_string()), content).map_err(fail)?;
    }
    Ok(contents.len())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |source| Failure::File { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(fail)?;
    entries.map(|entry| Ok(entry.map_err(fail)?.path())).collect()
}

/// A target to run.
#[derive(Clone, Copy)]
struct Target<'a> {
    programs: &'a Path,
    name: &'a str,
    place: &'a Path,
    seeds: &'a Path,
    found: &'a Path,
}

impl Target<'_> {
    /// Searches for faults for this time.
    fn look(&self, seconds: u64) -> Result<(), Failure> {
        let corpus = self.place.join("corpus").join(self.name);
        for directory in [&corpus, &self.found.to_path_buf()] {
            fs::create_dir_all(directory)
                .map_err(|source| Failure::File { path: directory.clone(), source })?;
        }
        // The planted fault needs no seeds, and must not be remembered from an earlier run.
        let is_planted = self.name == PLANTED;
        let artifacts =
            if is_planted { self.place.join("planted-") } else { self.found.join(format!("{}-", self.name)) };
        let mut line = Line::new(self.place, self.programs.join(format!("fuzz_{}", self.name))).args([
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}", artifacts.display()),
            "-timeout=10".to_owned(),
            "-rss_limit_mb=1024".to_owned(),
            "-max_len=65536".to_owned(),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
            "-print_funcs=0".to_owned(),
        ]);
        if !is_planted {
            line = line.args([&corpus, &self.seeds.to_path_buf()]);
        }
        line.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let targets = targets(&root).unwrap();
        assert!(targets.iter().any(|it| it == PLANTED) && targets.len() > 10, "{targets:?}");
        let manifest = fs::read_to_string(root.join("tests/fuzz/Cargo.toml")).unwrap();
        for name in targets {
            assert!(manifest.contains(&format!("name = \"fuzz_{name}\"\n")), "{name}");
        }
    }

    #[test]
    fn seeds_are_goldens_and_what_they_unpack_to() {
        let seeds = tempfile::tempdir().unwrap();
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        let count = seed(&goldens, seeds.path()).unwrap();
        assert!(count > 20, "{count}");
        assert_eq!(files(seeds.path()).unwrap().len(), count);
    }
}
