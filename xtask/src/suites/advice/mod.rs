//! `cargo xtask suites advice`: runs `highwater advise` on published programs, and compares the advice with a
//! list.
//!
//! Each library is built from its sources as they were published, and driven by a small program of
//! `xtask/suites/drivers` with Highwater as its allocator, in exact mode. What is advised is compared with
//! the table of `docs/records/ADVICE.md`: the command fails for a piece that is not listed, for a listed one
//! that is not given any more, and when fewer than nine of ten are true. Before all that it must be advised
//! on a program of its own.

mod examined;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use self::examined::Piece;
use super::crates::source;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Only these libraries; all if there are none.
    names: Vec<String>,
}

/// A library, in the version whose advice was examined. The program that uses it is `drivers/NAME.rs`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Driven {
    name: String,
    /// Empty for a program that needs no library.
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct List {
    program: Vec<Driven>,
}

/// Path of the list, relative to the root.
const FILE: &str = "xtask/suites/advice.toml";

/// The line of the planted program with a list that grows from nothing each time.
const PLANTED: &str = "drivers/planted.rs:12";

/// Minimum share of true advice.
const TRUE: f64 = 0.9;

/// Builds and runs the programs one after the other, and compares their advice.
///
/// # Errors
/// When a program does not build or run, or when advice is not in the table.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let chosen = choose(load(&workspace.root)?, &options.names)?;
    let examined = examined::load(&workspace.root)?;
    let package = ["build", "--release", "--package", "highwater-cli", "--bin", "highwater"];
    Line::cargo(&workspace.root).args(package).run()?;
    let place = Place { workspace, directory: workspace.target.join("advice") };
    fs::create_dir_all(&place.directory).map_err(|source| file(&place.directory, source))?;
    let planted = place.pieces(&Driven { name: "planted".to_owned(), ..Driven::default() })?;
    let expected = Piece { line: PLANTED.to_owned(), measure: "reserve".to_owned() };
    if planted != [expected] || examined::compare("planted", &planted, &examined).len() != 1 {
        return Err(Failure::Advice(format!("the planted list was not found: {planted:?}")));
    }
    println!("The planted list was found.");
    let (mut wrong, mut pieces, mut is_true) = (Vec::new(), 0, 0);
    for driven in chosen {
        let found = place.pieces(&driven)?;
        wrong.extend(examined::compare(&driven.name, &found, &examined));
        let good = found.iter().filter(|it| examined::is_true(&driven.name, it, &examined)).count();
        println!("{} {}: {} pieces, {good} true", driven.name, driven.version, found.len());
        (pieces, is_true) = (pieces + found.len(), is_true + good);
    }
    if wrong.is_empty() && (is_true as f64) < TRUE * pieces as f64 {
        wrong.push(format!("{is_true} of {pieces} pieces are true"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Advice(format!("{} to examine:\n  {}", wrong.len(), wrong.join("\n  "))))
}

fn load(root: &Path) -> Result<Vec<Driven>, Failure> {
    let path = root.join(FILE);
    let text = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
    let list: List = toml::from_str(&text).map_err(|error| Failure::Advice(format!("{FILE}: {error}")))?;
    Ok(list.program)
}

fn choose(all: Vec<Driven>, names: &[String]) -> Result<Vec<Driven>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|driven| driven.name == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|driven| driven.name.as_str()).collect();
            Failure::Advice(format!("there is no program for {name}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn file(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { path: path.to_owned(), source }
}

/// The directory in which sources are unpacked and programs built.
struct Place<'a> {
    workspace: &'a Workspace,
    directory: PathBuf,
}

impl Place<'_> {
    /// The advice on a program.
    fn pieces(&self, driven: &Driven) -> Result<Vec<Piece>, Failure> {
        let profile = self.record(driven)?;
        let highwater =
            self.workspace.target.join("release").join(format!("highwater{}", std::env::consts::EXE_SUFFIX));
        let line = Line::new(&self.workspace.root, highwater).args(["advise", "--json", "--limit", "0"]);
        let line = line.args([&profile]);
        let answer = line.capture()?;
        let answer: Value = serde_json::from_str(&answer)
            .map_err(|error| Failure::Output { command: line.shown(), what: error.to_string() })?;
        Ok(pieces(&answer, driven))
    }

    /// Builds a program and runs it, and returns its profile.
    fn record(&self, driven: &Driven) -> Result<PathBuf, Failure> {
        let Driven { name, version } = driven;
        let driver = self.workspace.root.join("xtask/suites/drivers").join(format!("{name}.rs"));
        let driver = fs::read_to_string(&driver).map_err(|source| file(&driver, source))?;
        let sources = self.directory.join(format!("{name}-{version}"));
        let program = self.directory.join(format!("driven-{name}"));
        fs::create_dir_all(program.join("src")).map_err(|source| file(&program, source))?;
        let library = if version.is_empty() {
            String::new()
        } else {
            let package = source::published(name, version, &self.directory.join("fetch"))?;
            source::copy_package(&package, &sources)?;
            source::append(&sources.join("Cargo.toml"), "\n[workspace]\n")?;
            format!("{name} = {{ path = '{}' }}\n", sources.display())
        };
        let manifest = format!(
            "[package]\nname = \"driven-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             highwater = {{ path = '{}' }}\n{library}\n[profile.dev]\nopt-level = 1\ndebug = 1\n",
            self.workspace.root.join("crates/highwater").display()
        );
        for (path, text) in [("Cargo.toml", manifest.as_str()), ("src/main.rs", driver.as_str())] {
            let path = program.join(path);
            fs::write(&path, text).map_err(|source| file(&path, source))?;
        }
        let target = self.directory.join("target");
        let build = Line::cargo(&program).args(["build", "--quiet"]).arg_path("--target-dir", &target);
        build.without_env("CARGO_TARGET_DIR").run()?;
        let profile = self.directory.join(format!("{name}.pb.gz"));
        let binary = format!("driven-{name}{}", std::env::consts::EXE_SUFFIX);
        let run = Line::new(&program, target.join("debug").join(binary)).env("HIGHWATER", "exact");
        run.args([&profile, &sources]).run()?;
        Ok(profile)
    }
}

/// The advice for each line in an answer of `highwater advise --json`. Lines of the library are named by
/// their paths below its directory, and lines of the driver by their paths in `xtask/suites`. A row about
/// several lines is named by its function.
fn pieces(answer: &Value, driven: &Driven) -> Vec<Piece> {
    let findings = answer["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let Driven { name, version } = driven;
    let (library, driver) = (format!("{name}-{version}/"), format!("driven-{name}/src/main.rs"));
    let line = |finding: &Value| {
        let key = &finding["key"];
        let path = key["file"].as_str().unwrap_or_default();
        let path = match path.split_once(&library) {
            Some((_, path)) => path.to_owned(),
            None if path.ends_with(&driver) || path == "src/main.rs" => format!("drivers/{name}.rs"),
            None => path.to_owned(),
        };
        match key["line"].as_i64() {
            Some(line) => format!("{path}:{line}"),
            None => format!("{path} {}", key["function"].as_str().unwrap_or_default()),
        }
    };
    let measure = |finding: &Value| finding["measure"].as_str().unwrap_or_default().to_owned();
    findings.iter().map(|finding| Piece { line: line(finding), measure: measure(finding) }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_in_the_published_sources_or_in_the_driver() {
        let answer = json!({ "findings": [
            { "measure": "reserve", "key": { "file": "/t/advice/csv-1.4.0/src/byte_record.rs", "line": 532 } },
            { "measure": "reuse", "key": { "file": "csv-1.4.0/src/reader.rs", "line": null, "function": "csv::read" } },
            { "measure": "hoist", "key": { "file": "/t/advice/driven-csv/src/main.rs", "line": 8 } },
        ] });
        let driven = Driven { name: "csv".to_owned(), version: "1.4.0".to_owned() };
        let found = pieces(&answer, &driven);
        let shown: Vec<_> = found.iter().map(|it| format!("{} {}", it.line, it.measure)).collect();
        let expected =
            ["src/byte_record.rs:532 reserve", "src/reader.rs csv::read reuse", "drivers/csv.rs:8 hoist"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn programs_are_chosen_by_name() {
        let all = || load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        assert_eq!(choose(all(), &[]).unwrap().len(), 10);
        assert_eq!(choose(all(), &["regex".to_owned()]).unwrap()[0].name, "regex");
        assert!(choose(all(), &["rege".to_owned()]).unwrap_err().to_string().contains("sqlparser"));
    }
}
