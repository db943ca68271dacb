//! The repository's top level contains only the known entries.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

const ENTRIES: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// The top level holds [`ENTRIES`], licences and dot files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let top: BTreeSet<&str> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    top.into_iter()
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE-") && !ENTRIES.contains(name))
        .map(|name| Finding::new(name, 0, "move it into crates, docs, tests or xtask, or delete it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_licences_and_dot_files_pass() {
        let files = [("Cargo.toml", ""), ("LICENSE-MIT", ""), (".ci/run", ""), ("crates/a/notes.txt", "")];
        assert_eq!(check(&Tree::of(&files, vec![])), []);
    }

    #[test]
    fn a_stray_file_or_directory_is_found_once() {
        let findings =
            check(&Tree::of(&[("notes.txt", ""), ("examples/a.rs", ""), ("examples/b.rs", "")], vec![]));
        assert_eq!(findings.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["examples", "notes.txt"]);
    }
}
