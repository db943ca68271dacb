//! The repository's top level contains only the known entries.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::tree::Tree;

const ENTRIES: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "crates",
    "deny.toml",
    "docs",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// The top level holds all of [`ENTRIES`], licences and dot files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, ENTRIES)
}

fn check_with(tree: &Tree, rooms: &[&str]) -> Vec<Finding> {
    let top: BTreeSet<&str> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    let strays = top
        .iter()
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE-") && !rooms.contains(name))
        .map(|name| Finding::new(*name, 0, "move it into crates, docs, tests or xtask, or delete it"));
    let gone = rooms
        .iter()
        .filter(|name| !top.contains(*name))
        .map(|name| Finding::new(*name, 0, "it is not there: take it out of xtask/src/tidy/top_level.rs"));
    strays.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_licences_and_dot_files_pass() {
        let files = [("Cargo.toml", ""), ("LICENSE-MIT", ""), (".ci/run", ""), ("crates/a/notes.txt", "")];
        assert_eq!(check_with(&Tree::of(&files, vec![]), &["Cargo.toml", "crates"]), []);
    }

    #[test]
    fn a_room_that_is_gone_is_found() {
        let findings = check_with(&Tree::of(&[("crates/a.rs", "")], vec![]), &["crates", "doc"]);
        assert!(findings.len() == 1 && findings[0].path == "doc", "{findings:?}");
    }

    #[test]
    fn a_stray_file_or_directory_is_found_once() {
        let files = [("notes.txt", ""), ("examples/a.rs", ""), ("examples/b.rs", "")];
        let findings = check_with(&Tree::of(&files, vec![]), &[]);
        assert_eq!(findings.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["examples", "notes.txt"]);
    }
}
