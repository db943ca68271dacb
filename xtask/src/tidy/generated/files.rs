//! The tables of files: what each Rust file is for, by its own first sentence.

use regex::Regex;

use super::super::tree::Tree;

/// A table for each crate, with the files of the crate in the order of their paths.
pub fn tables(tree: &Tree) -> String {
    let mut folders: Vec<(&str, &str)> = tree
        .crates
        .iter()
        .filter_map(|each| Some((each.manifest.strip_suffix("/Cargo.toml")?, each.name.as_str())))
        .collect();
    folders.sort_unstable();
    let home = |path: &str| {
        let above = folders
            .iter()
            .filter(|(folder, _)| path.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/')));
        above.max_by_key(|(folder, _)| folder.len()).copied()
    };
    let mut text = String::new();
    let places = folders.iter().map(|place| Some(*place)).chain([None]);
    for place in places {
        let rows: Vec<String> = tree
            .texts(".rs")
            .filter(|(path, _)| home(path) == place)
            .map(|(path, text)| {
                let folder = place.map_or(0, |(folder, _)| folder.len() + 1);
                format!("| `{}` | {} |\n", &path[folder..], purpose(text))
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        if let Some((folder, name)) = place {
            text.push_str(&format!("## `{name}`, in `{folder}`\n\n"));
        }
        text.push_str("| file | what it is for |\n|---|---|\n");
        text.extend(rows);
        text.push('\n');
    }
    text
}

/// The first sentence of the documentation at the top of a file, as text of a table.
fn purpose(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("#!/") || line.trim().is_empty());
    let words = lines.map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<&str> = words.take_while(|words| !words.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph.match_indices(". ").map(|(at, _)| at).find(|&at| {
        let next = paragraph[at + 2..].chars().next();
        next.is_some_and(|c| c.is_uppercase() || c == '`' || c == '[')
    });
    let sentence = end.map_or(paragraph.as_str(), |at| &paragraph[..=at]);
    let Ok(links) = Regex::new(r"\[(`[^`]+`)\](?:\([^)]*\))?") else { return sentence.to_owned() };
    links.replace_all(sentence, "$1").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    #[test]
    fn the_first_sentence_is_taken_as_it_stands() {
        assert_eq!(purpose("//! What it is for.\nfn a() {}"), "What it is for.");
        assert_eq!(
            purpose("//! What it\n//! is for: [`a`], `b|c`. More.\n"),
            "What it is for: `a`, `b\\|c`."
        );
        assert_eq!(
            purpose("#!/usr/bin/env cargo\n//! A script, e.g. this\n//!\n//! More."),
            "A script, e.g. this"
        );
    }

    #[test]
    fn each_file_stands_with_the_innermost_crate_around_it() {
        let crates = [("tests", "tests"), ("bench", "tests/bench")].map(|(name, folder)| Crate {
            name: name.to_owned(),
            manifest: format!("{folder}/Cargo.toml"),
            ..Crate::default()
        });
        let files = [("tests/a.rs", "//! A."), ("tests/bench/b.rs", "//! B."), ("tests/bench/c.md", "")];
        let head = "| file | what it is for |\n|---|---|\n";
        assert_eq!(
            tables(&Tree::of(&files, crates.into())),
            format!(
                "## `tests`, in `tests`\n\n{head}| `a.rs` | A. |\n\n## `bench`, in `tests/bench`\n\n{head}| `b.rs` | B. |\n\n"
            )
        );
    }
}
