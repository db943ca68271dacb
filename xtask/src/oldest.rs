//! The leak harness under the oldest compiler that its manifest states: it is a dependency of other projects'
//! tests. Some of these projects build with an older compiler than this one.

use std::fs;

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The crate, with all that it is linked with.
const HARNESS: &str = "highwater-leaktest";

/// Builds it with that compiler, which rustup installs. Where it cannot be had, this says so in one line and
/// passes.
///
/// # Errors
/// When it does not build, or its manifest states no version.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let version = stated(workspace)?;
    let line = |words: &[&str]| Line::new(&workspace.root, "rustup").args(words);
    if line(&["toolchain", "install", &version, "--profile", "minimal"]).quiet().capture().is_err() {
        println!("not checked: rustup cannot install Rust {version} here, with which {HARNESS} is to build.");
        return Ok(());
    }
    line(&["run", &version, "cargo", "check", "--locked", "--package", HARNESS])
        .arg_path("--target-dir", &workspace.target.join("oldest"))
        .run()
}

fn stated(workspace: &Workspace) -> Result<String, Failure> {
    let path = workspace.root.join("crates").join(HARNESS).join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
    rust_version(&text).ok_or_else(|| Failure::Bench(format!("{HARNESS} states no rust-version")))
}

/// The `rust-version` of a manifest.
fn rust_version(manifest: &str) -> Option<String> {
    let manifest = manifest.parse::<toml::Table>().ok()?;
    Some(manifest.get("package")?.get("rust-version")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_out_of_the_manifest() {
        assert_eq!(rust_version("[package]\nrust-version = '1.88'").as_deref(), Some("1.88"));
        assert_eq!(rust_version("[package]\nrust-version.workspace = true"), None);
        let own = include_str!("../../crates/highwater-leaktest/Cargo.toml");
        assert!(rust_version(own).is_some());
    }
}
