//! The steps that add the leak harness to a package's tests: one dependency, and one line in each test
//! program.
//!
//! [`packages`] lists the test programs → [`manifest`] and [`source`] change the text of a file where needed
//! → each changed file is an [`Edit`]. The caller shows the edits and writes them.

mod manifest;
mod packages;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use highwater_profile::file;

pub(crate) use packages::{Selection, Workspace};

use crate::error::CliError;

/// The crate of the harness, as manifests name it.
const HARNESS: &str = "highwater-leaktest";

/// The source of the harness.
#[derive(Clone, Debug)]
pub(crate) enum Harness {
    /// The registry, in a version that fits this command.
    Registry,
    /// A directory.
    Path(PathBuf),
}

/// A file with changes.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) path: PathBuf,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// A package's own global allocator. The user has to wrap it by hand.
#[derive(Debug)]
pub(crate) struct OwnAllocator {
    pub(crate) path: PathBuf,
    /// Line number, from 1.
    pub(crate) line: usize,
}

/// All edits, and all facts to report.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) edits: Vec<Edit>,
    pub(crate) allocators: Vec<OwnAllocator>,
    /// Names of the packages whose tests are checked once the edits are written.
    pub(crate) packages: Vec<String>,
}

/// Works out the edits. Writes nothing.
pub(crate) fn plan(
    workspace: &Workspace,
    selection: &Selection,
    harness: &Harness,
) -> Result<Plan, CliError> {
    let mut plan = Plan::default();
    for package in workspace.select(selection)? {
        let programs = package.test_programs()?;
        if programs.is_empty() {
            continue;
        }
        let allocators = package.own_allocators()?;
        let manifest = read(&package.manifest)?;
        let has_workspace_harness = workspace.has_harness()?;
        let dependency = manifest::Dependency {
            harness,
            has_workspace_harness,
            has_own_allocator: !allocators.is_empty(),
        };
        let after = manifest::with_harness(&manifest, &dependency)
            .map_err(|reason| place(&package.manifest, reason))?;
        plan.push(&package.manifest, manifest, after);
        for program in programs {
            let text = read(&program.path)?;
            let after = source::with_harness(&text, program.is_only_tests)
                .map_err(|(line, reason)| CliError::Config { path: program.path.clone(), line, reason })?;
            plan.push(&program.path, text, after);
        }
        plan.allocators.extend(allocators);
        plan.packages.push(package.name);
    }
    Ok(plan)
}

impl Plan {
    fn push(&mut self, path: &Path, before: String, after: Option<String>) {
        let is_known = self.edits.iter().any(|it| it.path == path);
        if let Some(after) = after.filter(|_| !is_known) {
            self.edits.push(Edit { path: path.to_owned(), before, after });
        }
    }

    /// Writes all files.
    pub(crate) fn write(&self) -> Result<(), CliError> {
        for edit in &self.edits {
            file::write_atomically(&edit.path, |out| out.write_all(edit.after.as_bytes()))?;
        }
        Ok(())
    }
}

impl Edit {
    /// The change as a unified diff, with the file's path relative to `directory`.
    pub(crate) fn diff(&self, directory: &Path) -> String {
        let name = self.path.strip_prefix(directory).unwrap_or(&self.path).display().to_string();
        let diff = similar::TextDiff::from_lines(&self.before, &self.after);
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|source| CliError::Unreadable { path: path.to_owned(), source })
}

fn place(path: &Path, reason: manifest::Fault) -> CliError {
    CliError::Config { path: path.to_owned(), line: reason.line, reason: reason.words }
}
