//! Calls in the sources of the crates that are delivered, found token by token.
//!
//! Code that is compiled for tests only does not count.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Item, Meta};

use super::tree::{Source, Tree};

/// Functions by the module or type that they belong to.
pub type Paths = &'static [(&'static str, &'static [&'static str])];

/// The sources of the crates that are delivered: no tests, no examples, no commands of the project.
pub fn delivered(tree: &Tree) -> impl Iterator<Item = &Source> {
    let tests = test_modules(tree);
    let is_delivered = |path: &str| path.starts_with("crates/") && path.contains("/src/");
    tree.sources().iter().filter(move |source| {
        let path = source.path.as_str();
        is_delivered(path) && !tests.iter().any(|module| is_of(path, module))
    })
}

/// The places of modules that a `#[cfg(test)] mod name;` declares, without `.rs`.
fn test_modules(tree: &Tree) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for source in tree.sources() {
        for item in &source.syntax.items {
            let Item::Mod(module) = item else { continue };
            let is_for_tests = module.attrs.iter().any(|attribute| match &attribute.meta {
                Meta::List(list) => list.path.is_ident("cfg") && names_test(&list.tokens.to_string()),
                _ => false,
            });
            if module.content.is_none() && is_for_tests {
                modules.insert(format!("{}/{}", folder_of_children(&source.path), module.ident));
            }
        }
    }
    modules
}

/// Where the modules that a file declares are.
fn folder_of_children(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder,
        _ => path.trim_end_matches(".rs"),
    }
}

/// Whether a file holds the module at `module`, or one below it.
fn is_of(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether the condition of a `cfg` holds in tests only.
fn names_test(condition: &str) -> bool {
    let has =
        |word: &str| condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|each| each == word);
    has("test") && !has("not")
}

/// What `call` says of any place in the text, each with its line. `call` gets the tokens from that place on.
pub fn find(text: &str, call: &dyn Fn(&[TokenTree]) -> Option<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    if let Ok(tokens) = text.parse::<TokenStream>() {
        search(tokens, call, &mut found);
    }
    found
}

fn search(
    tokens: TokenStream,
    call: &dyn Fn(&[TokenTree]) -> Option<String>,
    found: &mut Vec<(usize, String)>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_for_tests(&tokens[at..]) {
            // The item ends with its body, or with a semicolon if that is in a file of its own.
            at += 2;
            let is_end = |token: &TokenTree| match token {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            at += tokens[at..].iter().position(is_end).map_or(tokens.len() - at, |end| end + 1);
            continue;
        }
        if let Some(name) = call(&tokens[at..]) {
            found.push((tokens[at].span().start().line, name));
        }
        if let TokenTree::Group(group) = &tokens[at] {
            search(group.stream(), call, found);
        }
        at += 1;
    }
}

/// Whether these tokens are `#[cfg(…test…)]`.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else { return false };
    let words = attribute.stream().to_string();
    hash.as_char() == '#' && words.starts_with("cfg") && names_test(&words)
}

/// `fs::write` and the like, at the start of these tokens.
pub fn path(tokens: &[TokenTree], paths: Paths) -> Option<String> {
    let [TokenTree::Ident(owner), TokenTree::Punct(first), TokenTree::Punct(second), named, ..] = tokens
    else {
        return None;
    };
    if first.as_char() != ':' || second.as_char() != ':' {
        return None;
    }
    let (_, names) = paths.iter().find(|(each, _)| owner == each)?;
    let is_one =
        |token: &TokenTree| matches!(token, TokenTree::Ident(name) if names.iter().any(|each| name == each));
    let name = match named {
        TokenTree::Group(group) => group.stream().into_iter().find(is_one)?,
        name if is_one(name) => name.clone(),
        _ => return None,
    };
    Some(format!("{owner}::{name}"))
}

/// `println!` and the like, at the start of these tokens.
pub fn macro_call(tokens: &[TokenTree], names: &[&str]) -> Option<String> {
    let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(_), ..] = tokens else {
        return None;
    };
    (bang.as_char() == '!' && names.iter().any(|each| name == each)).then(|| format!("{name}!"))
}

/// `stdout()` and the like, at the start of these tokens: a function without arguments, of any module.
pub fn function(tokens: &[TokenTree], names: &[&str]) -> Option<String> {
    let [TokenTree::Ident(name), TokenTree::Group(arguments), ..] = tokens else { return None };
    let is_call = arguments.delimiter() == Delimiter::Parenthesis && arguments.stream().is_empty();
    (is_call && names.iter().any(|each| name == each)).then(|| format!("{name}()"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_what_only_they_use_are_not_delivered() {
        let files = [
            ("crates/a/src/lib.rs", "//! a\n#[cfg(test)]\nmod samples;\nmod b;\n#[cfg(not(test))]\nmod c;"),
            ("crates/a/src/samples.rs", "//! s"),
            ("crates/a/src/samples/more.rs", "//! m"),
            ("crates/a/src/samples_of_users.rs", "//! u"),
            ("crates/a/src/b.rs", "//! b\n#[cfg(all(test, unix))]\nmod tests;"),
            ("crates/a/src/b/tests.rs", "//! t"),
            ("crates/a/src/c.rs", "//! c"),
            ("crates/a/tests/d.rs", "//! d"),
            ("crates/a/examples/e.rs", "//! e"),
            ("xtask/src/main.rs", "//! x"),
        ];
        let tree = Tree::of(&files, vec![]);
        let paths: Vec<_> = delivered(&tree).map(|source| source.path.as_str()).collect();
        let expected = ["b.rs", "c.rs", "lib.rs", "samples_of_users.rs"];
        let expected = expected.map(|name| format!("crates/a/src/{name}"));
        assert_eq!(paths, expected);
    }
}
