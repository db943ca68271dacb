//! The input of the rules: the files that git knows or would add, with their text, and the workspace's
//! crates.
//!
//! The tree is held in memory, so a rule reads no file, and its test plants a fault by writing a string.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::{Crate, Workspace};

/// The project as the rules see it.
pub struct Tree {
    files: BTreeMap<String, Option<String>>,
    sources: Vec<Source>,
    faulty: Vec<Finding>,
    /// The workspace's crates, by name.
    pub crates: Vec<Crate>,
}

/// A Rust file, parsed.
pub struct Source {
    /// Relative to the workspace root, with `/` between the parts.
    pub path: String,
    /// The content of the file.
    pub text: String,
    /// The parsed content.
    pub syntax: syn::File,
}

impl Tree {
    /// Reads the workspace's files: those in git's index and the new ones it does not ignore.
    pub fn load(workspace: &Workspace) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for path in listed(&workspace.root)? {
            let absolute = workspace.root.join(&path);
            // A tracked file that is deleted in the working tree would not be part of a commit.
            if !absolute.is_file() {
                continue;
            }
            let text = if is_text(&path) {
                Some(
                    fs::read_to_string(&absolute)
                        .map_err(|source| Failure::File { path: absolute, source })?,
                )
            } else {
                None
            };
            files.insert(path, text);
        }
        Ok(Self::new(files, workspace.crates.clone()))
    }

    fn new(files: BTreeMap<String, Option<String>>, crates: Vec<Crate>) -> Self {
        let (mut sources, mut faulty) = (Vec::new(), Vec::new());
        for (path, text) in &files {
            let Some(text) = text.as_ref().filter(|_| path.ends_with(".rs")) else { continue };
            match syn::parse_file(text) {
                Ok(syntax) => sources.push(Source { path: path.clone(), text: text.clone(), syntax }),
                Err(error) => faulty.push(Finding::new(
                    path,
                    error.span().start().line,
                    format!("this is not Rust that can be parsed ({error}): correct it"),
                )),
            }
        }
        Self { files, sources, faulty, crates }
    }

    /// A tree with these files, for a rule's test.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)], crates: Vec<Crate>) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self::new(files, crates)
    }

    /// Every file's path, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every Rust file that parses.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The text of a text file, if there is such a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// The text files whose names end in `suffix`, with their text.
    pub fn texts<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Whether there is a file or a directory at `path`.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
    }
}

/// Every source must parse; a source that does not would escape the other rules.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.faulty.clone()
}

fn listed(root: &Path) -> Result<Vec<String>, Failure> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let output = git(root).args(arguments).capture()?;
    Ok(output.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Git for the repository around `root`. This also works inside another repository's hook, and if the
/// checkout belongs to another user, which is common in containers.
fn git(root: &Path) -> Line<'_> {
    let variables = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];
    let line = Line::new(root, "git").args(["-c", "safe.directory=*"]);
    variables.into_iter().fold(line, Line::without_env)
}

fn is_text(path: &str) -> bool {
    [".rs", ".md", ".toml"].iter().any(|suffix| path.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_does_not_parse_is_found() {
        let tree = Tree::of(&[("a.rs", "//! a\nfn f() {}"), ("b.rs", "//! b\n\nfn f( {")], vec![]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].path.as_str(), findings[0].line), ("b.rs", 3));
        assert_eq!(tree.sources().len(), 1);
    }

    #[test]
    fn files_and_their_directories_are_there() {
        let tree = Tree::of(&[("docs/A.md", ""), ("docs-of-old/B.md", "")], vec![]);
        assert!(tree.has("docs") && tree.has("docs/") && tree.has("docs/A.md"));
        assert!(!tree.has("doc") && !tree.has("docs/A") && !tree.has("docs-of"));
    }

    #[test]
    fn new_files_count_and_ignored_and_deleted_ones_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let run = |arguments: &[&str]| git(root).args(arguments).capture().unwrap();
        run(&["init", "--quiet"]);
        for (name, text) in
            [(".gitignore", "ignored.md"), ("old.md", ""), ("gone.md", ""), ("ignored.md", "")]
        {
            fs::write(root.join(name), text).unwrap();
        }
        run(&["add", "old.md", "gone.md"]);
        fs::remove_file(root.join("gone.md")).unwrap();
        fs::write(root.join("new.rs"), "//! new").unwrap();
        let workspace = Workspace { root: root.to_owned(), target: root.join("target"), crates: vec![] };
        let tree = Tree::load(&workspace).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), [".gitignore", "new.rs", "old.md"]);
        assert_eq!(tree.sources().len(), 1);
    }
}
