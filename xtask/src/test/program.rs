//! A program with tests: cargo builds all of them, and each is run the way cargo would.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// A built program with tests.
#[derive(Debug)]
pub struct Program {
    /// The name of the cargo target.
    name: String,
    /// The directory of the package, in which its tests run.
    package: PathBuf,
    path: PathBuf,
}

/// Builds the tests of every target of the workspace.
///
/// # Errors
/// When a program does not build.
pub fn build(workspace: &Workspace) -> Result<Vec<Program>, Failure> {
    let line = Line::cargo(&workspace.root).args([
        "test",
        "--workspace",
        "--all-targets",
        "--no-run",
        "--message-format",
        "json-render-diagnostics",
    ]);
    println!("$ {}", line.shown());
    Ok(listed(&line.capture()?))
}

/// The programs with tests in cargo's messages, sorted by path.
pub fn listed(messages: &str) -> Vec<Program> {
    let program = |message: Value| {
        if message["profile"]["test"] != Value::Bool(true) {
            return None;
        }
        Some(Program {
            name: message["target"]["name"].as_str()?.to_owned(),
            package: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
            path: message["executable"].as_str()?.into(),
        })
    };
    let messages = messages.lines().filter_map(|it| serde_json::from_str(it).ok());
    let mut programs: Vec<Program> = messages.filter_map(program).collect();
    programs.sort_by(|a, b| a.path.cmp(&b.path));
    programs
}

impl Program {
    /// The name of the cargo target.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs the tests with this process's output.
    ///
    /// # Errors
    /// When the program cannot be started, or a test fails.
    pub fn run(&self, workspace: &Workspace) -> Result<(), Failure> {
        let begin = Instant::now();
        let result = self.line(workspace)?.run();
        println!("{} took {:.1} s", self.name, begin.elapsed().as_secs_f64());
        result
    }

    /// Runs the tests, and appends the output to the file `log`.
    ///
    /// # Errors
    /// When the program cannot be started, a test fails, or the file cannot be written.
    pub fn log(&self, workspace: &Workspace, log: &Path) -> Result<(), Failure> {
        let begin = Instant::now();
        let own = log.with_extension(format!("{}.log", self.name));
        let line = self.line(workspace)?;
        let status = line.log(&own)?;
        let file = |source| Failure::File { path: log.to_owned(), source };
        let printed = fs::read(&own).map_err(file)?;
        let mut all = OpenOptions::new().create(true).append(true).open(log).map_err(file)?;
        let took = format!("{} took {:.1} s\n", self.name, begin.elapsed().as_secs_f64());
        let command = format!("$ {}\n", line.shown());
        all.write_all(&[command.as_bytes(), &printed, took.as_bytes()].concat()).map_err(file)?;
        if status.success() { Ok(()) } else { Err(Failure::Exit { command: line.shown(), status }) }
    }

    fn line(&self, workspace: &Workspace) -> Result<Line<'_>, Failure> {
        // Tests of macros are linked with the compiler's own libraries.
        let libraries = Line::new(&workspace.root, "rustc").args(["--print", "target-libdir"]).capture()?;
        let mut paths = vec![PathBuf::from(libraries.trim_end())];
        paths.extend(env::var_os("LD_LIBRARY_PATH").iter().flat_map(env::split_paths));
        let paths = env::join_paths(paths)
            .map_err(|error| Failure::Output { command: "rustc".to_owned(), what: error.to_string() })?;
        Ok(Line::new(&self.package, &self.path)
            .env("CARGO_MANIFEST_DIR", &self.package)
            .env("LD_LIBRARY_PATH", paths))
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn only_programs_with_tests_are_listed() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/w/b/Cargo.toml","target":{"name":"two"},"profile":{"test":true},"executable":"/t/two-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"one"},"profile":{"test":true},"executable":"/t/one-2"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"tool"},"profile":{"test":false},"executable":"/t/tool"}"#,
            "\nnot JSON\n",
            r#"{"reason":"build-finished","success":true}"#
        );
        let programs = listed(messages);
        let shown: Vec<_> =
            programs.iter().map(|it| (it.name(), it.package.as_path(), it.path.as_path())).collect();
        let path = std::path::Path::new;
        assert_eq!(shown, [("one", path("/w/a"), path("/t/one-2")), ("two", path("/w/b"), path("/t/two-1"))]);
    }
}
