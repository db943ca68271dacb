//! Adds the line `use highwater_leaktest as _;` to the root file of a test program.

use syn::AttrStyle;
use syn::spanned::Spanned;

const LINE: &str = "use highwater_leaktest as _;";

/// The file with the line after its inner attributes and documentation; `None` if the file already names the
/// harness. If the file is not only a test program, the line gets `#[cfg(test)]`.
///
/// # Errors
/// When the file is not valid Rust: the line number and the reason.
pub(crate) fn with_harness(text: &str, is_only_tests: bool) -> Result<Option<String>, (usize, String)> {
    let file = syn::parse_file(text).map_err(|error| (error.span().start().line, error.to_string()))?;
    if text.contains("highwater_leaktest") {
        return Ok(None);
    }
    let inner = file.attrs.iter().filter(|it| matches!(it.style, AttrStyle::Inner(_)));
    let end = inner.map(|it| it.span().end().line).max().unwrap_or(0);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // A comment at the very top, such as a licence, and the first line of a script stay at the top.
    let top =
        lines.iter().take_while(|it| it.starts_with("//") && !it.starts_with("///") || it.starts_with("#!/"));
    let at = end.max(top.count()).min(lines.len());
    let (before, after) = lines.split_at(at);
    let mut changed = before.concat();
    if at > 0 {
        if !changed.ends_with('\n') {
            changed += newline;
        }
        changed += newline;
    }
    if !is_only_tests {
        changed += "#[cfg(test)]";
        changed += newline;
    }
    changed += LINE;
    changed += newline;
    let after = after.concat();
    if !after.is_empty() && after.lines().next().is_some_and(|it| !it.trim().is_empty()) {
        changed += newline;
    }
    Ok(Some(changed + &after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(text: &str) -> String {
        with_harness(text, true).unwrap().unwrap()
    }

    #[test]
    fn the_line_follows_inner_attributes_and_documentation() {
        for (before, after) in [
            ("", "use highwater_leaktest as _;\n"),
            ("fn a() {}\n", "use highwater_leaktest as _;\n\nfn a() {}\n"),
            (
                "//! Documentation.\n//! More.\n#![forbid(unsafe_code)]\n\nuse std::fs;\n",
                "//! Documentation.\n//! More.\n#![forbid(unsafe_code)]\n\nuse highwater_leaktest as _;\n\nuse std::fs;\n",
            ),
            (
                "// Copyright\n// of somebody\n\nmod a;\n",
                "// Copyright\n// of somebody\n\nuse highwater_leaktest as _;\n\nmod a;\n",
            ),
            ("/// Of a.\nfn a() {}\n", "use highwater_leaktest as _;\n\n/// Of a.\nfn a() {}\n"),
            (
                "#![allow(\n    dead_code,\n)]\nfn a() {}\n",
                "#![allow(\n    dead_code,\n)]\n\nuse highwater_leaktest as _;\n\nfn a() {}\n",
            ),
            ("//! No end", "//! No end\n\nuse highwater_leaktest as _;\n"),
            (
                "//! A.\r\n\r\nfn a() {}\r\n",
                "//! A.\r\n\r\nuse highwater_leaktest as _;\r\n\r\nfn a() {}\r\n",
            ),
        ] {
            assert_eq!(test(before), after);
            assert_eq!(with_harness(after, true).unwrap(), None, "once is enough");
        }
    }

    #[test]
    fn a_library_gets_the_line_for_tests_only() {
        let after = with_harness("//! A.\nmod a;\n", false).unwrap().unwrap();
        assert_eq!(after, "//! A.\n\n#[cfg(test)]\nuse highwater_leaktest as _;\n\nmod a;\n");
    }

    #[test]
    fn invalid_rust_is_refused_with_its_line() {
        assert_eq!(with_harness("fn a() {}\nfn {\n", true).unwrap_err().0, 2);
    }
}
