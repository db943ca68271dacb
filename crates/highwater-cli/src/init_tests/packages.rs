//! The packages of a workspace, their test programs, and their own global allocators.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package as Described, Target, TargetKind};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{HARNESS, OwnAllocator, manifest, read};
use crate::error::CliError;

/// Maximum depth of directories in the search for sources.
const DEEPEST: usize = 32;

/// The packages to change.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// The package of this directory, or all packages if the workspace's root is no package.
    Here,
    /// All.
    Workspace,
    /// The packages with these names.
    Named(Vec<String>),
}

/// A workspace, as cargo describes it.
pub(crate) struct Workspace(Metadata);

/// A package of the workspace.
pub(crate) struct Package<'a> {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    described: &'a Described,
}

/// A test program.
pub(crate) struct Program {
    /// The root file of the program.
    pub(crate) path: PathBuf,
    /// Whether the file is only a test program: neither a library nor a program of its own.
    pub(crate) is_only_tests: bool,
}

impl Workspace {
    /// Runs `cargo metadata`.
    pub(crate) fn find(manifest: Option<&Path>) -> Result<Self, CliError> {
        let mut command = MetadataCommand::new();
        if let Some(manifest) = manifest {
            command.manifest_path(manifest);
        }
        command.no_deps().exec().map(Self).map_err(|error| CliError::Cargo(short(&error)))
    }

    /// The directory of the workspace's root.
    pub(crate) fn root(&self) -> &Path {
        self.0.workspace_root.as_std_path()
    }

    pub(crate) fn select(&self, selection: &Selection) -> Result<Vec<Package<'_>>, CliError> {
        let members = || self.0.workspace_packages().into_iter();
        let selected: Vec<&Described> = match selection {
            Selection::Workspace => members().collect(),
            Selection::Here => self.0.root_package().map_or_else(|| members().collect(), |it| vec![it]),
            Selection::Named(names) => {
                let find = |name: &String| {
                    let found = members().find(|it| it.name.as_str() == name);
                    found.ok_or_else(|| CliError::NoPackage(name.clone()))
                };
                names.iter().map(find).collect::<Result<_, _>>()?
            }
        };
        Ok(selected.into_iter().map(Package::new).collect())
    }

    /// Whether the workspace's own manifest already has the harness, so that packages can inherit it.
    pub(crate) fn has_harness(&self) -> Result<bool, CliError> {
        let path = self.root().join("Cargo.toml");
        let table = manifest::parse(&read(&path)?).map_err(|fault| super::place(&path, fault))?;
        let dependencies = table.get("workspace").and_then(|it| it.get("dependencies"));
        Ok(dependencies.and_then(|it| it.get(HARNESS)).is_some())
    }
}

impl<'a> Package<'a> {
    fn new(described: &'a Described) -> Self {
        let manifest = described.manifest_path.clone().into_std_path_buf();
        Self { name: described.name.to_string(), manifest, described }
    }

    /// The programs that `cargo test` builds and libtest runs. Libraries and programs are included if the
    /// package's sources contain a test.
    pub(crate) fn test_programs(&self) -> Result<Vec<Program>, CliError> {
        let without_libtest = manifest::without_libtest(&read(&self.manifest)?)
            .map_err(|fault| super::place(&self.manifest, fault))?;
        let is_tested = |it: &&Target| it.test && !without_libtest.contains(&it.name);
        let mut programs = Vec::new();
        for target in self.described.targets.iter().filter(is_tested) {
            let path = target.src_path.clone().into_std_path_buf();
            let is_only_tests = target.kind.contains(&TargetKind::Test);
            let is_code = target.kind.iter().any(|it| {
                matches!(
                    it,
                    TargetKind::Lib
                        | TargetKind::RLib
                        | TargetKind::Bin
                        | TargetKind::CDyLib
                        | TargetKind::DyLib
                )
            });
            if is_only_tests || is_code && has_tests(&path)? {
                programs.push(Program { path, is_only_tests });
            }
        }
        Ok(programs)
    }

    /// The places at which the package defines a global allocator.
    pub(crate) fn own_allocators(&self) -> Result<Vec<OwnAllocator>, CliError> {
        let mut found = Vec::new();
        let mut roots: Vec<PathBuf> = Vec::new();
        for target in self.described.targets.iter().filter(|it| !it.kind.contains(&TargetKind::Example)) {
            let path = target.src_path.as_std_path();
            let directory = path.parent().unwrap_or(path).to_owned();
            if !roots.iter().any(|it| directory.starts_with(it)) {
                roots.push(directory);
            }
        }
        for root in roots {
            for path in sources(&root)? {
                let text = read(&path)?;
                if text.contains("global_allocator") {
                    let lines = allocators(&text);
                    found.extend(lines.into_iter().map(|line| OwnAllocator { path: path.clone(), line }));
                }
            }
        }
        Ok(found)
    }
}

/// Whether a source file in the directory of this root file contains a test.
fn has_tests(root: &Path) -> Result<bool, CliError> {
    for path in sources(root.parent().unwrap_or(root))? {
        let text = read(&path)?;
        if text.contains("#[test]")
            || text.contains("::test]")
            || text.contains("::test(")
            || text.contains("#[rstest")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All source files below a directory, except for sources of other packages.
fn sources(directory: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut found = Vec::new();
    let mut left = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = left.pop() {
        let fail = |source| CliError::Directory { path: directory.clone(), source };
        for entry in fs::read_dir(&directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
            let is_other =
                path.join("Cargo.toml").is_file() || path.ends_with("target") || path.ends_with(".git");
            if kind.is_dir() && depth < DEEPEST && !is_other {
                left.push((path, depth + 1));
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The line numbers of the statics with `#[global_allocator]`.
fn allocators(text: &str) -> Vec<usize> {
    struct Finder(Vec<usize>);
    impl<'ast> Visit<'ast> for Finder {
        fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
            if item.attrs.iter().any(|it| it.path().is_ident("global_allocator")) {
                self.0.push(item.static_token.span().start().line);
            }
            visit::visit_item_static(self, item);
        }
    }
    let mut finder = Finder(Vec::new());
    // The compiler reports syntax errors better than this command could.
    if let Ok(file) = syn::parse_file(text) {
        finder.visit_file(&file);
    }
    finder.0
}

/// The error of cargo, in one line.
fn short(error: &cargo_metadata::Error) -> String {
    let text = error.to_string();
    let words = text.split_once("error: ").map_or(text.as_str(), |(_, it)| it);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_found_by_their_attribute() {
        let text = "// #[global_allocator]\nmod inner {\n    #[global_allocator]\n    static A: System = System;\n}\n";
        assert_eq!(allocators(text), [4]);
        assert!(allocators("const TEXT: &str = \"#[global_allocator]\";").is_empty());
        assert!(allocators("not rust #[global_allocator]").is_empty());
    }
}
