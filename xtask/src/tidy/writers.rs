//! Files are written in one way: as a whole or not at all, and straight through if the target is not a
//! regular file.
//!
//! In the sources of crates, only [`PLACES`] create, copy or rename files; all other code calls
//! `highwater_profile::file`. Tests may do it.

use proc_macro2::{TokenStream, TokenTree};

use super::{Finding, tree::Tree};

/// A file that writes in another way, and why.
struct Place {
    path: &'static str,
    reason: &'static str,
}

const PLACES: &[Place] = &[
    Place { path: "crates/highwater-profile/src/file/write.rs", reason: "this is the way" },
    Place { path: "crates/highwater-profile/src/file/target.rs", reason: "it opens what is written through" },
    Place {
        path: "crates/highwater-profile/src/file/lock.rs",
        reason: "a lock is a file that must stay the same one, and has no content",
    },
    Place {
        path: "crates/highwater/src/cgroup/trees.rs",
        reason: "a module of tests, which makes the trees of control groups that they ask about",
    },
];

/// The writing functions, by their module or type.
const WRITERS: &[(&str, &[&str])] = &[
    ("fs", &["write", "rename", "copy", "OpenOptions"]),
    ("File", &["create", "create_new", "options"]),
    ("OpenOptions", &["new"]),
];

/// Every writer is in one of [`PLACES`], and each of these has one.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, PLACES)
}

fn check_with(tree: &Tree, places: &[Place]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut holders = Vec::new();
    for source in tree.sources().iter().filter(|it| is_product(&it.path)) {
        let Ok(tokens) = source.text.parse::<TokenStream>() else { continue };
        let mut found = Vec::new();
        search(tokens, &mut found);
        let place = places.iter().find(|it| it.path == source.path);
        if !found.is_empty() {
            holders.extend(place.map(|it| it.path));
        }
        for (line, name) in found.into_iter().filter(|_| place.is_none()) {
            let advice =
                format!("write by `highwater_profile::file`, which keeps devices and links, not by `{name}`");
            findings.push(Finding::new(&source.path, line, advice));
        }
    }
    for place in places.iter().filter(|it| !holders.contains(&it.path) && tree.has(it.path)) {
        let advice = format!("nothing is written here any more ({}): drop the place", place.reason);
        findings.push(Finding::new(place.path, 0, advice));
    }
    findings
}

/// Whether a file is part of the product, and not a test.
fn is_product(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/") && !path.ends_with("tests.rs")
}

/// Adds each writer with its line. Code that is compiled for tests only is left out.
fn search(tokens: TokenStream, found: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_for_tests(&tokens[at..]) {
            // The item ends with its body, or with a semicolon if its body is a file of its own.
            at += 2;
            let is_end = |it: &TokenTree| match it {
                TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            at += tokens[at..].iter().position(is_end).map_or(tokens.len() - at, |it| it + 1);
            continue;
        }
        if let Some(writer) = writer(&tokens[at..]) {
            found.push(writer);
        }
        if let TokenTree::Group(group) = &tokens[at] {
            search(group.stream(), found);
        }
        at += 1;
    }
}

/// Whether these tokens are `#[cfg(…test…)]`.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else { return false };
    let words = attribute.stream().to_string();
    let has = |word: &str| words.split(|it: char| !it.is_alphanumeric() && it != '_').any(|it| it == word);
    hash.as_char() == '#' && words.starts_with("cfg") && has("test") && !has("not")
}

/// The writer and its line, if these tokens begin with `fs::write` or the like.
fn writer(tokens: &[TokenTree]) -> Option<(usize, String)> {
    let [TokenTree::Ident(owner), TokenTree::Punct(first), TokenTree::Punct(second), named, ..] = tokens
    else {
        return None;
    };
    if first.as_char() != ':' || second.as_char() != ':' {
        return None;
    }
    let (_, names) = WRITERS.iter().find(|(it, _)| owner == it)?;
    let is_writer =
        |it: &TokenTree| matches!(it, TokenTree::Ident(name) if names.iter().any(|it| name == it));
    let name = match named {
        TokenTree::Group(group) => group.stream().into_iter().find(is_writer)?,
        name if is_writer(name) => name.clone(),
        _ => return None,
    };
    Some((owner.span().start().line, format!("{owner}::{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/b.rs";

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check_with(&Tree::of(&[(path, text)], vec![]), &[]).iter().map(|it| it.line).collect()
    }

    #[test]
    fn writers_are_found() {
        let text = "//! a\nuse std::fs::{self, rename};\nfn a() {\n    fs::write(a, b);\n    x(|| std::fs::File::create(a));\n}\nfn b() { OpenOptions::new(); }";
        assert_eq!(lines(PATH, text), [2, 4, 5, 7]);
    }

    #[test]
    fn readers_and_tests_pass() {
        let text = "//! fs::write\nfn a() { fs::read(a); File::open(a); fs::create_dir(a); \"fs::write\" }\n#[cfg(test)]\nmod tests {\n    fn b() { fs::write(a, b) }\n}\n#[cfg(all(test, unix))]\nmod more;\n";
        assert_eq!(lines(PATH, text), [0; 0]);
        let after = "//! a\n#[cfg(test)]\nmod tests;\n#[cfg(not(test))]\nfn a() { fs::write(a, b) }";
        assert_eq!(lines(PATH, after), [5]);
        let elsewhere = "//! a\nfn a() { fs::write(a, b) }";
        assert_eq!(lines("crates/a/tests/b.rs", elsewhere), [0; 0]);
        assert_eq!(lines("crates/a/src/b_tests.rs", elsewhere), [0; 0]);
    }

    #[test]
    fn a_place_without_a_writer_is_found() {
        let place = Place { path: PATH, reason: "it did once" };
        let writes = Tree::of(&[(PATH, "//! a\nfn a() { fs::write(a, b) }")], vec![]);
        assert!(check_with(&writes, &[place]).is_empty());
        let place = Place { path: PATH, reason: "it did once" };
        let reads = Tree::of(&[(PATH, "//! a\nfn a() { fs::read(a) }")], vec![]);
        assert_eq!(check_with(&reads, &[place]).len(), 1);
    }
}
