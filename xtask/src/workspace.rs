//! The workspace, its crates and their declarations: cargo's answer, reduced to what the commands need.

use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};

use crate::failure::Failure;

/// The workspace in which the command was started.
pub struct Workspace {
    /// The directory of the root manifest.
    pub root: PathBuf,
    /// The target directory of cargo.
    pub target: PathBuf,
    /// The member crates, by name.
    pub crates: Vec<Crate>,
}

/// One member crate, as its manifest declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crate {
    /// The package name.
    pub name: String,
    /// Path of its manifest, relative to the workspace root, with `/` between the parts.
    pub manifest: String,
    /// Whether it may be published.
    pub published: bool,
    /// Root files of its library and its programs, relative to the workspace root.
    pub roots: Vec<String>,
    /// All its dependencies.
    pub dependencies: Vec<Dependency>,
}

/// One declared dependency.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// Whether it is a development dependency, which only tests, examples and benchmarks use.
    pub dev: bool,
}

impl Workspace {
    /// Asks cargo for the workspace around the current directory; resolves and downloads nothing.
    ///
    /// # Errors
    /// When cargo cannot be run or a manifest is invalid.
    pub fn load() -> Result<Self, Failure> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let mut crates: Vec<Crate> =
            metadata.workspace_packages().into_iter().map(|package| reduce(package, &metadata)).collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
            crates,
        })
    }
}

fn reduce(package: &Package, metadata: &Metadata) -> Crate {
    let relative = |path: &cargo_metadata::camino::Utf8Path| {
        path.strip_prefix(&metadata.workspace_root).unwrap_or(path).as_str().replace('\\', "/")
    };
    let is_root =
        |kind: &TargetKind| matches!(kind, TargetKind::Lib | TargetKind::ProcMacro | TargetKind::Bin);
    Crate {
        name: package.name.to_string(),
        manifest: relative(&package.manifest_path),
        published: package.publish.as_ref().is_none_or(|registries| !registries.is_empty()),
        roots: package
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(is_root))
            .map(|target| relative(&target.src_path))
            .collect(),
        dependencies: package
            .dependencies
            .iter()
            .map(|dependency| Dependency {
                name: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
            })
            .collect(),
    }
}
