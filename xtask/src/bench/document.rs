//! Writes the generated sections of docs/BENCHMARKS.md; the rest of the page is written by people.

use std::fs;

use crate::failure::Failure;
use crate::section;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/BENCHMARKS.md";
const COMMAND: &str = "--bless";

/// Replaces the content between the marks of `section` with `text` as a code block.
///
/// # Errors
/// When the document cannot be read or written, or has no such section.
pub fn bless(workspace: &Workspace, section: &str, text: &str) -> Result<(), Failure> {
    let path = workspace.root.join(DOCUMENT);
    let fail = |source| Failure::File { path: path.clone(), source };
    let document = fs::read_to_string(&path).map_err(fail)?;
    let block = format!("```text\n{}\n```", text.trim_end());
    let blessed = section::replaced(&document, section, COMMAND, &block).ok_or_else(|| {
        let (begin, end) = (section::begin(section, COMMAND), section::end(section));
        Failure::Bench(format!("{DOCUMENT} has no lines `{begin}` and `{end}`"))
    })?;
    fs::write(&path, blessed).map_err(fail)?;
    println!("Written to {DOCUMENT}.");
    Ok(())
}
