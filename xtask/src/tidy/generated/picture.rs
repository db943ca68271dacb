//! The picture of the published crates: which one hangs below which, drawn from their manifests.

use std::collections::BTreeSet;

use super::super::tree::Tree;
use crate::workspace::Crate;

/// A tree for each crate that no other crate uses. A crate that is drawn a second time stands in parentheses,
/// without the crates below it. An arrow that follows from two others is left out.
pub fn draw(tree: &Tree) -> String {
    let crates: Vec<&Crate> = tree.crates.iter().filter(|each| each.published).collect();
    let is_used = |name: &str| crates.iter().any(|each| below(each, &crates).contains(name));
    let mut drawing = Drawing { crates: &crates, drawn: BTreeSet::new(), text: String::from("```text\n") };
    for each in crates.iter().filter(|each| !is_used(&each.name)) {
        drawing.add(each, "", "");
    }
    drawing.text.push_str("```\n");
    drawing.text
}

struct Drawing<'a> {
    crates: &'a [&'a Crate],
    drawn: BTreeSet<&'a str>,
    text: String,
}

impl<'a> Drawing<'a> {
    fn add(&mut self, each: &'a Crate, branch: &str, indent: &str) {
        let children = direct(each, self.crates);
        if !self.drawn.insert(&each.name) && !children.is_empty() {
            self.text.push_str(&format!("{branch}({})\n", each.name));
            return;
        }
        self.text.push_str(&format!("{branch}{}\n", each.name));
        for (index, child) in children.iter().enumerate() {
            let is_last = index + 1 == children.len();
            let (mark, space) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.add(child, &format!("{indent}{mark}"), &format!("{indent}{space}"));
        }
    }
}

/// The crates that this one uses, but for those that hang below another one that it uses.
fn direct<'a>(each: &Crate, crates: &[&'a Crate]) -> Vec<&'a Crate> {
    let used = below(each, crates);
    let of_used: BTreeSet<&str> = crates
        .iter()
        .filter(|other| used.contains(other.name.as_str()))
        .flat_map(|other| reach(other, crates))
        .collect();
    let is_direct = |name: &str| used.contains(name) && !of_used.contains(name);
    crates.iter().copied().filter(|other| is_direct(&other.name)).collect()
}

/// The names of the crates that this one uses outside of its tests.
fn below<'a>(each: &Crate, crates: &[&'a Crate]) -> BTreeSet<&'a str> {
    let uses = |name: &str| each.dependencies.iter().any(|used| used.name == name && !used.dev);
    crates.iter().map(|other| other.name.as_str()).filter(|name| uses(name)).collect()
}

/// The names of all crates below this one.
fn reach<'a>(each: &Crate, crates: &[&'a Crate]) -> BTreeSet<&'a str> {
    let used = below(each, crates);
    let deeper = crates.iter().filter(|other| used.contains(other.name.as_str()));
    let deeper: Vec<_> = deeper.flat_map(|other| reach(other, crates)).collect();
    used.into_iter().chain(deeper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn house(arrows: &[(&str, &[&str])]) -> Tree {
        let uses = |name: &&str| Dependency { name: (*name).to_owned(), dev: false };
        let crates = arrows.iter().map(|(name, used)| Crate {
            name: (*name).to_owned(),
            published: *name != "tests",
            dependencies: used.iter().map(uses).collect(),
            ..Crate::default()
        });
        Tree::of(&[], crates.collect())
    }

    #[test]
    fn each_crate_hangs_below_those_that_use_it() {
        let arrows: &[(&str, &[&str])] = &[
            ("analyze", &["profile", "regex"]),
            ("cli", &["analyze", "profile", "symbol"]),
            ("profile", &["index"]),
            ("index", &[]),
            ("symbol", &["profile"]),
            ("tests", &["cli"]),
        ];
        let drawn = draw(&house(arrows));
        let expected =
            "```text\ncli\n├─ analyze\n│  └─ profile\n│     └─ index\n└─ symbol\n   └─ (profile)\n```\n";
        assert_eq!(drawn, expected);
        let changed = draw(&house(&[("a", &["b"]), ("b", &[])]));
        assert_eq!(changed, "```text\na\n└─ b\n```\n");
    }
}
