//! What the page of a published crate needs: a text of its own, where the project is, and its features in
//! words.

use super::finding::Finding;
use super::markdown;
use super::tree::Tree;
use crate::workspace::Crate;

/// Every published crate has a `README.md` whose links lead on from any page, names the project's repository,
/// and says in the documentation of its root what each of its features adds.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.crates.iter().filter(|each| each.published).flat_map(|each| check_crate(tree, each)).collect()
}

fn check_crate(tree: &Tree, each: &Crate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(manifest) = tree.text(&each.manifest).and_then(|text| text.parse::<toml::Table>().ok()) else {
        return vec![Finding::new(&each.manifest, 0, "this manifest cannot be read: correct it")];
    };
    let package = manifest.get("package").and_then(toml::Value::as_table);
    let mut need = |is_there: bool, advice: String| {
        if !is_there {
            findings.push(Finding::new(&each.manifest, 0, advice));
        }
    };
    let states = |name: &str| package.is_some_and(|it| it.contains_key(name));
    need(states("repository"), "say where the project is: `repository.workspace = true`".to_owned());
    need(!states("readme"), "take `readme` out: the crate's page is its own `README.md`".to_owned());
    let features = manifest.get("features").and_then(toml::Value::as_table);
    if let Some(features) = features {
        let has_all = || package?.get("metadata")?.get("docs")?.get("rs")?.get("all-features")?.as_bool();
        need(
            has_all() == Some(true),
            "show every feature: `[package.metadata.docs.rs]` with `all-features = true`".to_owned(),
        );
        let root = each.roots.iter().find(|root| root.ends_with("/lib.rs")).and_then(|root| tree.text(root));
        let words: String =
            root.unwrap_or("").lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        for name in features.keys().filter(|name| *name != "default") {
            need(
                words.contains(&format!("`{name}`")),
                format!("say what the feature `{name}` adds in the documentation of the crate's root"),
            );
        }
    }
    let directory = each.manifest.trim_end_matches("Cargo.toml");
    let readme = format!("{directory}README.md");
    match tree.text(&readme) {
        None => findings.push(Finding::new(
            readme,
            0,
            "write what the crate is for: it is its page where it is published",
        )),
        Some(text) => findings.extend(markdown::links(text).filter(|(_, target)| is_relative(target)).map(
            |(line, target)| {
                let advice = format!(
                    "`{target}` leads nowhere on the crate's published page: write the whole address"
                );
                Finding::new(&readme, line, advice)
            },
        )),
    }
    findings
}

fn is_relative(target: &str) -> bool {
    !target.starts_with("https://") && !target.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = 'a'\nrepository.workspace = true\n[features]\ndefault = []\nfast = []\n[package.metadata.docs.rs]\nall-features = true";
    const ROOT: &str = "//! `fast` is fast.";

    fn found(manifest: &str, readme: Option<&str>, root: &str) -> Vec<String> {
        let mut files = vec![("crates/a/Cargo.toml", manifest), ("crates/a/src/lib.rs", root)];
        files.extend(readme.map(|text| ("crates/a/README.md", text)));
        let member = Crate {
            name: "a".into(),
            manifest: "crates/a/Cargo.toml".into(),
            roots: vec!["crates/a/src/lib.rs".into()],
            published: true,
            ..Crate::default()
        };
        check(&Tree::of(&files, vec![member])).into_iter().map(|it| it.advice).collect()
    }

    #[test]
    fn a_crate_with_all_of_it_passes() {
        assert!(found(MANIFEST, Some("# a\n[x](https://x.org) [y](#a)"), ROOT).is_empty());
        assert!(found("[package]\nrepository = 'https://x.org'", Some("# a"), "").is_empty());
    }

    #[test]
    fn what_is_missing_is_found() {
        let one = |found: Vec<String>, word: &str| {
            assert!(found.len() == 1 && found[0].contains(word), "{found:?}")
        };
        one(found(MANIFEST, None, ROOT), "write what the crate is for");
        one(found(MANIFEST, Some("![picture](docs/a.png)"), ROOT), "docs/a.png");
        one(found(&MANIFEST.replace("repository.workspace = true\n", ""), Some("# a"), ROOT), "repository");
        one(found(&MANIFEST.replace("name = 'a'", "readme.workspace = true"), Some("# a"), ROOT), "`readme`");
        one(found(&MANIFEST.replace("all-features = true", ""), Some("# a"), ROOT), "all-features");
        one(found(MANIFEST, Some("# a"), "//! a\nconst A: &str = \"`fast`\";"), "`fast`");
    }

    #[test]
    fn a_crate_that_is_not_published_needs_none_of_it() {
        let member = Crate { manifest: "xtask/Cargo.toml".into(), ..Crate::default() };
        assert_eq!(check(&Tree::of(&[("xtask/Cargo.toml", "[package]")], vec![member])), []);
    }
}
