//! Sections of a page that a command writes, between two marks that people leave alone.

/// The line above a section, which names the command that writes what follows.
pub fn begin(section: &str, command: &str) -> String {
    format!("<!-- {section}: written by `{command}` -->")
}

/// The line below a section.
pub fn end(section: &str) -> String {
    format!("<!-- end of {section} -->")
}

/// The document with `text` between the marks of `section`; none where a mark is missing.
pub fn replaced(document: &str, section: &str, command: &str, text: &str) -> Option<String> {
    let (begin, end) = (begin(section, command), end(section));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_section_changes() {
        let document = "prose\n<!-- times: written by `it` -->\nold\n<!-- end of times -->\nmore\n";
        let written = replaced(document, "times", "it", "new\n").unwrap();
        assert!(written.starts_with("prose\n") && written.ends_with("<!-- end of times -->\nmore\n"));
        assert!(written.contains("\n\nnew\n\n") && !written.contains("old"));
        assert_eq!(replaced(&written, "times", "it", "new").as_deref(), Some(written.as_str()));
        assert_eq!(replaced(document, "instructions", "it", "new"), None);
        assert_eq!(replaced(document, "times", "another", "new"), None);
    }
}
