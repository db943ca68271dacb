//! No unfinished work is committed: no test that does not run, no placeholder, no debugging print.
//!
//! Sources are searched token by token, so a word in a comment or a string is ignored, and a word inside a
//! macro is found.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::finding::Finding;
use super::tree::Tree;

const MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// No source contains `#[ignore]`, an ignored documentation test, or a call of [`MACROS`].
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let mut report = |line, advice: String| findings.push(Finding::new(&source.path, line, advice));
        // The text is tokenized again, because the syntax tree does not contain the tokens inside macros.
        if let Ok(tokens) = without_shebang(&source.text).parse::<TokenStream>() {
            search(tokens, &mut report);
        }
        for (index, line) in source.text.lines().enumerate() {
            if is_ignored_example(line) {
                report(index + 1, "let the example run, or mark it `no_run` or `text`".to_owned());
            }
        }
    }
    findings
}

/// The text with a first `#!…` line emptied, so that lines keep their numbers.
fn without_shebang(text: &str) -> &str {
    if text.starts_with("#!") && !text.starts_with("#![") {
        text.find('\n').map_or("", |end| &text[end..])
    } else {
        text
    }
}

fn search(tokens: TokenStream, report: &mut impl FnMut(usize, String)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name)
                if MACROS.iter().any(|each| name == each) && is_call(&tokens[index + 1..]) =>
            {
                report(name.span().start().line, format!("finish the work that `{name}!` stands for"));
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if let Some(name) = ignore_attribute(&tokens[index + 1..]) {
                    let advice = "let the test run: mend it, delete it, or compile it only where it can run";
                    report(name.span().start().line, advice.to_owned());
                }
            }
            TokenTree::Group(group) => search(group.stream(), report),
            _ => {}
        }
    }
}

/// Whether these tokens make the name before them a macro call (`name != other` does not).
fn is_call(next: &[TokenTree]) -> bool {
    matches!(next, [TokenTree::Punct(bang), TokenTree::Group(_), ..] if bang.as_char() == '!')
}

/// The word `ignore`, if these tokens after a `#` are `[ignore…]` or `[cfg_attr(…, ignore…)]`.
fn ignore_attribute(next: &[TokenTree]) -> Option<Ident> {
    let [TokenTree::Group(brackets), ..] = next else { return None };
    if brackets.delimiter() != Delimiter::Bracket {
        return None;
    }
    let inside: Vec<TokenTree> = brackets.stream().into_iter().collect();
    match inside.as_slice() {
        [TokenTree::Ident(name), ..] if name == "ignore" => Some(name.clone()),
        [TokenTree::Ident(name), TokenTree::Group(list)] if name == "cfg_attr" => {
            list.stream().into_iter().find_map(|token| match token {
                TokenTree::Ident(name) if name == "ignore" => Some(name),
                _ => None,
            })
        }
        _ => None,
    }
}

fn is_ignored_example(line: &str) -> bool {
    let line = line.trim_start();
    let Some(words) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { return false };
    let Some(attributes) = words.trim_start().strip_prefix("```") else { return false };
    attributes.split([',', ' ']).any(|each| each == "ignore" || each.starts_with("ignore-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        check(&Tree::of(&[("a.rs", text)], vec![])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn words_in_comments_strings_and_names_pass() {
        let text = r##"#!/usr/bin/env cargo
            //! Do not use todo!() or #[ignore] here.
            /// ```no_run
            /// dbg!(1);
            /// ```
            fn ignore(dbg: u8, todo: u8) -> bool {
                let _ = "todo!() #[ignore]";
                // unimplemented!()
                dbg != (todo)
            }
        "##;
        assert!(found(text).is_empty());
    }

    #[test]
    fn placeholders_are_found_even_inside_macros() {
        assert_eq!(found("//! a\nfn a() { todo!() }"), [2]);
        assert_eq!(found("//! a\nfn a() {\n    std::unimplemented!(\"later\")\n}"), [3]);
        assert_eq!(found("//! a\nfn a() {\n    vec![\n        dbg!(1),\n    ];\n}"), [4]);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(found("//! a\n#[test]\n#[ignore]\nfn a() {}"), [3]);
        assert_eq!(found("//! a\n#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [3]);
        assert_eq!(found("//! a\n#[test]\n#[cfg_attr(miri, ignore)]\nfn a() {}"), [3]);
        assert_eq!(found("//! a\n//! ```ignore\n//! nonsense\n//! ```"), [2]);
    }
}
