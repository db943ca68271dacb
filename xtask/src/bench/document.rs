//! Writes the generated sections of docs/BENCHMARKS.md; the rest of the page is written by people.

use std::fs;

use crate::failure::Failure;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/BENCHMARKS.md";

/// Replaces the content between the marks of `section` with `text` as a code block.
///
/// # Errors
/// When the document cannot be read or written, or has no such section.
pub fn bless(workspace: &Workspace, section: &str, text: &str) -> Result<(), Failure> {
    let path = workspace.root.join(DOCUMENT);
    let fail = |source| Failure::File { path: path.clone(), source };
    let document = fs::read_to_string(&path).map_err(fail)?;
    let blessed = replaced(&document, section, text).ok_or_else(|| {
        Failure::Bench(format!("{DOCUMENT} has no lines `{}` and `{}`", begin(section), end(section)))
    })?;
    fs::write(&path, blessed).map_err(fail)?;
    println!("Written to {DOCUMENT}.");
    Ok(())
}

fn begin(section: &str) -> String {
    format!("<!-- {section}: written by `--bless` -->")
}

fn end(section: &str) -> String {
    format!("<!-- end of {section} -->")
}

fn replaced(document: &str, section: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(&begin(section))?;
    let (_, after) = rest.split_once(&end(section))?;
    let text = text.trim_end();
    Some(format!("{before}{}\n\n```text\n{text}\n```\n\n{}{after}", begin(section), end(section)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_section_changes() {
        let document = "prose\n<!-- times: written by `--bless` -->\nold\n<!-- end of times -->\nmore\n";
        let blessed = replaced(document, "times", "new\n").unwrap();
        assert!(blessed.starts_with("prose\n") && blessed.ends_with("<!-- end of times -->\nmore\n"));
        assert!(blessed.contains("```text\nnew\n```") && !blessed.contains("old"));
        assert_eq!(replaced(&blessed, "times", "new").as_deref(), Some(blessed.as_str()));
        assert_eq!(replaced(document, "instructions", "new"), None);
    }
}
