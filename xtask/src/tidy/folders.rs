//! A module with modules below it is the `mod.rs` of their folder, so that a folder has all of its subject.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::tree::Tree;

/// No file `a/b.rs` stands beside a folder `a/b` that has the modules of `b`. The root of a crate may: its
/// modules are in the root's own folder.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let roots: BTreeSet<&str> =
        tree.crates.iter().flat_map(|it| it.roots.iter().map(String::as_str)).collect();
    let folders: BTreeSet<&str> =
        tree.texts(".rs").filter_map(|(path, _)| Some(path.rsplit_once('/')?.0)).collect();
    let mut findings = Vec::new();
    for (path, _) in tree.texts(".rs").filter(|(path, _)| !roots.contains(path)) {
        let folder = path.trim_end_matches(".rs");
        if folders.contains(folder) {
            findings.push(Finding::new(path, 0, format!("move this file to `{folder}/mod.rs`")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    fn found(files: &[&str]) -> Vec<String> {
        let files: Vec<(&str, &str)> = files.iter().map(|path| (*path, "//! A.")).collect();
        let roots = vec!["c/src/lib.rs".to_owned(), "c/tests/all.rs".to_owned()];
        let crates = vec![Crate { name: "c".to_owned(), roots, ..Crate::default() }];
        check(&Tree::of(&files, crates)).into_iter().map(|it| it.path).collect()
    }

    #[test]
    fn a_module_in_its_folder_passes() {
        assert_eq!(found(&["c/src/lib.rs", "c/src/a/mod.rs", "c/src/a/b.rs", "c/src/ab.rs"]), [""; 0]);
        // The root of a test, whose folder has modules that the root names by path.
        assert_eq!(found(&["c/tests/all.rs", "c/tests/all/part.rs"]), [""; 0]);
    }

    #[test]
    fn a_module_beside_its_folder_is_found_at_any_depth() {
        assert_eq!(found(&["c/src/lib.rs", "c/src/a.rs", "c/src/a/b.rs"]), ["c/src/a.rs"]);
        assert_eq!(found(&["c/src/a/mod.rs", "c/src/a/b.rs", "c/src/a/b/c.rs"]), ["c/src/a/b.rs"]);
    }
}
