//! Sections of pages that are made from the sources, and are compared with them.
//!
//! `cargo xtask tidy --write` writes them.

mod files;
mod picture;

use std::fs;

use super::{finding::Finding, powers, tree::Tree, unsafe_code};
use crate::failure::Failure;
use crate::section;
use crate::workspace::Workspace;

const COMMAND: &str = "cargo xtask tidy --write";

/// A part of a page that nobody writes by hand.
struct Section {
    page: &'static str,
    name: &'static str,
    text: fn(&Tree) -> String,
}

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

const SECTIONS: &[Section] = &[
    Section { page: ARCHITECTURE, name: "crates", text: picture::draw },
    Section { page: ARCHITECTURE, name: "unsafe code", text: unsafe_code::table },
    Section { page: ARCHITECTURE, name: "powers", text: powers::table },
    Section { page: "docs/records/FILES.md", name: "files", text: files::tables },
];

/// Every section is on its page, and says what the sources say.
pub fn check(tree: &Tree) -> Vec<Finding> {
    SECTIONS.iter().filter_map(|section| check_section(section, tree)).collect()
}

fn check_section(section: &Section, tree: &Tree) -> Option<Finding> {
    let Section { page, name, text } = section;
    let stands = tree.text(page).unwrap_or_default();
    let Some(written) = section::replaced(stands, name, COMMAND, &text(tree)) else {
        let (begin, end) = (section::begin(name, COMMAND), section::end(name));
        return Some(Finding::new(*page, 0, format!("add the lines `{begin}` and `{end}`")));
    };
    let (index, _) =
        stands.lines().zip(written.lines().chain([""])).enumerate().find(|(_, (a, b))| a != b)?;
    let expected = written.lines().nth(index).unwrap_or_default();
    Some(Finding::new(*page, index + 1, format!("the sources say `{expected}` here: run `{COMMAND}`")))
}

/// Writes every section anew, and says which pages changed.
///
/// # Errors
/// When a page cannot be written.
pub fn write(workspace: &Workspace, tree: &Tree) -> Result<(), Failure> {
    let mut pages: Vec<(&str, String)> = Vec::new();
    for Section { page, name, text } in SECTIONS {
        let at = pages.iter().position(|(each, _)| each == page).unwrap_or_else(|| {
            pages.push((page, tree.text(page).unwrap_or_default().to_owned()));
            pages.len() - 1
        });
        // A page without the marks stays as it is: the check says what to add.
        if let Some(written) = section::replaced(&pages[at].1, name, COMMAND, &text(tree)) {
            pages[at].1 = written;
        }
    }
    for (page, text) in pages.into_iter().filter(|(page, text)| tree.text(page) != Some(text)) {
        let path = workspace.root.join(page);
        if tree.has(page) {
            fs::write(&path, text).map_err(|source| Failure::File { path, source })?;
            println!("tidy: written anew: {page}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: Section = Section { page: "docs/A.md", name: "files", text: files::tables };

    fn page(text: &str) -> String {
        let (begin, end) = (section::begin("files", COMMAND), section::end("files"));
        format!("# A\n\n{begin}\n\n{text}\n\n{end}\n")
    }

    fn found(page: &str, files: &[(&str, &str)]) -> Vec<usize> {
        let files: Vec<_> = files.iter().copied().chain([("docs/A.md", page)]).collect();
        check_section(&SECTION, &Tree::of(&files, vec![])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_page_that_says_what_the_sources_say_passes() {
        let files = [("tests/a.rs", "//! About a."), ("tests/b.rs", "//! About b.")];
        let page = page(files::tables(&Tree::of(&files, vec![])).trim_end());
        assert!(page.contains("| `tests/a.rs` | About a. |"), "{page}");
        assert_eq!(found(&page, &files), [0; 0]);
        // A new file, one that is gone, one that says something else, and a row that was edited.
        assert_eq!(found(&page, &[files[0], files[1], ("tests/c.rs", "//! About c.")]).len(), 1);
        assert_eq!(found(&page, &files[..1]).len(), 1);
        assert_eq!(found(&page, &[files[0], ("tests/b.rs", "//! About c.")]).len(), 1);
        assert_eq!(found(&page.replace("About b", "All about b"), &files).len(), 1);
    }

    #[test]
    fn a_page_without_the_section_is_found() {
        assert_eq!(found("# A\n", &[]), [0]);
        assert_eq!(check(&Tree::of(&[], vec![])).len(), SECTIONS.len());
    }
}
