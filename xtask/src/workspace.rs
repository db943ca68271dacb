//! Where the workspace is, which crates it has, and what they declare: cargo's own answer, reduced to what the
//! commands ask about.

use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};

use crate::failure::Failure;

/// The workspace the command was started in.
pub struct Workspace {
    /// The directory of the root manifest.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// The member crates, by name.
    pub crates: Vec<Crate>,
}

/// One member crate, as its manifest declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crate {
    /// The package name.
    pub name: String,
    /// Its manifest, relative to the workspace root, with `/` between the parts.
    pub manifest: String,
    /// Whether it may be published.
    pub published: bool,
    /// Root files of its library and its programs, relative to the workspace root.
    pub roots: Vec<String>,
    /// Everything it depends on.
    pub dependencies: Vec<Dependency>,
}

/// One declared dependency.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The package depended upon.
    pub name: String,
    /// Whether only tests, examples and benchmarks see it.
    pub dev: bool,
}

impl Workspace {
    /// Asks cargo for the workspace around the current directory; nothing is resolved or downloaded.
    ///
    /// # Errors
    /// When cargo cannot be run or a manifest is faulty.
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
