//! No circle among the files of a crate: what a file needs is in files below it.
//!
//! A file uses another one when its code names a module that is written there. Constants that a module takes
//! from a module around it are left aside, and so is all that is compiled for tests only. Files are in a
//! circle when each of them uses the next and the last one the first. `cargo xtask tidy circles` lists the
//! circles with the names that tie them.

mod graph;
mod imports;
mod modules;

use std::collections::BTreeMap;

use self::graph::Graph;
use self::imports::Import;
use self::modules::Modules;
use super::finding::Finding;
use super::tree::Tree;
use crate::workspace::Crate;

/// The most files of a crate that may be in circles; none where a crate is not named. A number here only ever
/// becomes smaller.
const LIMITS: &[(&str, usize)] = &[("highwater-cli", 30)];

/// The circles of one crate.
struct Circles {
    /// What each file takes from others, by the file.
    imports: BTreeMap<String, Vec<Import>>,
    /// The files of each circle.
    circles: Vec<Vec<String>>,
}

impl Circles {
    fn of(tree: &Tree, each: &Crate) -> Self {
        let mut imports: BTreeMap<String, Vec<Import>> = BTreeMap::new();
        for root in &each.roots {
            let modules = Modules::of(tree, root);
            for (name, file) in modules.files() {
                // An inline module is visited with the file around it.
                let is_inline = name.split_last().and_then(|(_, around)| modules.get(around));
                if is_inline.is_some_and(|around| around.files.contains(file)) {
                    continue;
                }
                let Some(source) = tree.sources().iter().find(|source| source.path == file) else { continue };
                let found = imports::find(&modules, file, name, &source.syntax);
                imports.entry(file.to_owned()).or_default().extend(found);
            }
        }
        let graph: Graph<'_> = imports
            .iter()
            .map(|(file, found)| (file.as_str(), found.iter().map(|it| it.file.as_str()).collect()))
            .collect();
        let circles = graph::circles(&graph);
        let circles = circles.into_iter().map(|it| it.into_iter().map(str::to_owned).collect()).collect();
        Self { imports, circles }
    }

    /// Files in circles.
    fn count(&self) -> usize {
        self.circles.iter().map(Vec::len).sum()
    }

    /// The names that tie a circle, one of each pair of files.
    fn ties<'a>(&'a self, circle: &'a [String]) -> impl Iterator<Item = (&'a str, &'a Import)> {
        circle.iter().flat_map(move |file| {
            let inside = self.imports.get(file).into_iter().flatten().filter(|it| circle.contains(&it.file));
            let first_of_each: BTreeMap<&str, &Import> =
                inside.map(|it| (it.file.as_str(), it)).rev().collect();
            first_of_each.into_values().map(move |it| (file.as_str(), it))
        })
    }
}

/// No crate has more files in circles than its limit, and no limit is higher than it need be.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, LIMITS)
}

fn check_with(tree: &Tree, limits: &[(&str, usize)]) -> Vec<Finding> {
    let table = "xtask/src/tidy/circles/mod.rs";
    let mut findings = Vec::new();
    for each in &tree.crates {
        let limit = limits.iter().find(|(name, _)| *name == each.name).map_or(0, |(_, limit)| *limit);
        let found = Circles::of(tree, each);
        let count = found.count();
        if count > limit {
            for (file, import) in found.circles.iter().flat_map(|circle| found.ties(circle)) {
                let advice = format!(
                    "`{}` ties this file into a circle with {}: pass down what is needed, or move it to a file below both",
                    import.path, import.file
                );
                findings.push(Finding::new(file, import.line, advice));
            }
        } else if count < limit {
            let advice =
                format!("only {count} files of `{}` are in circles: lower its limit from {limit}", each.name);
            findings.push(Finding::new(table, 0, advice));
        }
    }
    let unknown = limits.iter().filter(|(name, _)| !tree.crates.iter().any(|each| each.name == *name));
    findings.extend(
        unknown.map(|(name, _)| {
            Finding::new(table, 0, format!("there is no crate `{name}`: take its limit out"))
        }),
    );
    findings
}

/// Prints the number of files in circles of every crate, and each circle with the names that tie it.
pub fn print(tree: &Tree) {
    let mut all = 0;
    for each in &tree.crates {
        let found = Circles::of(tree, each);
        let (count, files) = (found.count(), found.imports.len());
        all += count;
        println!("{}: {count} of {files} files in circles", each.name);
        for (index, circle) in found.circles.iter().enumerate() {
            println!("  circle {} has {} files:", index + 1, circle.len());
            for (file, import) in found.ties(circle) {
                println!("    {file}:{} -> {} (`{}`)", import.line, import.file, import.path);
            }
        }
    }
    println!("files in circles: {all}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], limits: &[(&str, usize)]) -> Vec<Finding> {
        let roots = vec!["c/src/lib.rs".to_owned()];
        let crates = vec![Crate { name: "c".to_owned(), roots, ..Crate::default() }];
        check_with(&Tree::of(files, crates), limits)
    }

    /// A crate with the modules `a`, `a::deep` and `b`, whose first two contents are given.
    fn files<'a>(a: &'a str, b: &'a str) -> [(&'static str, &'a str); 4] {
        [
            (
                "c/src/lib.rs",
                "//! c\nmod a;\nmod b;\npub use a::A;\n#[cfg(test)] mod tests { use crate::a; }",
            ),
            ("c/src/a.rs", a),
            ("c/src/a/deep.rs", "//! deep\npub struct Deep;"),
            ("c/src/b.rs", b),
        ]
    }

    #[test]
    fn arrows_that_lead_down_pass() {
        for (a, b) in [
            ("//! a\nmod deep;\nuse crate::b::B;\npub struct A(deep::Deep);", "//! b\npub struct B;"),
            // Only tests lead back.
            ("//! a\nuse crate::b::B;", "//! b\n#[cfg(test)] mod tests { use crate::a::A; }"),
            ("//! a\nuse crate::b::B;", "//! b\n#[cfg(all(test, unix))] fn f() { crate::a::f() }"),
            // Documentation and visibility lead nowhere.
            ("//! a\nuse crate::b::B;", "//! b\n/// See [`crate::a::A`].\npub(in crate::a) struct B;"),
            // Other crates have modules of the same names.
            ("//! a\nuse crate::b::B;", "//! b\nuse ::a::A; use std::a::f;"),
        ] {
            assert_eq!(found(&files(a, b), &[]), [], "{a} {b}");
        }
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        for b in [
            "//! b\nuse crate::a::A;",
            "//! b\nuse super::a;",
            "//! b\nuse super::{a::{self, A}};",
            "//! b\nuse crate::a::*;",
            "//! b\nfn f() { crate::a::f() }",
            "//! b\nfn f(a: super::a::A) {}",
            "//! b\nfn f() { assert!(1 + crate::a::f() > 0) }",
            "//! b\nmod inside { use super::super::a::A; }",
            "//! b\n#[cfg(not(test))] use crate::a::A;",
        ] {
            let findings = found(&files("//! a\nuse crate::b::B;", b), &[]);
            let at: Vec<_> = findings.iter().map(|it| (it.path.as_str(), it.line)).collect();
            assert_eq!(at, [("c/src/a.rs", 2), ("c/src/b.rs", 2)], "{b}: {findings:?}");
        }
    }

    #[test]
    fn a_module_that_takes_from_the_one_around_it_is_in_a_circle_unless_it_is_a_constant() {
        let around = "//! a\nmod deep;\nuse deep::Deep;\nconst MOST: usize = 1;\nfn f() {}";
        for (deep, count) in [("//! d\nuse super::MOST;", 0), ("//! d\nuse super::f;", 2)] {
            let mut files = files(around, "//! b");
            files[2].1 = deep;
            assert_eq!(found(&files, &[]).len(), count, "{deep}");
        }
        // A constant of a module beside it ties like anything else.
        let (a, b) =
            ("//! a\npub const A: u8 = 0;\nuse crate::b::B;", "//! b\nuse crate::a::A;\npub struct B;");
        assert_eq!(found(&files(a, b), &[]).len(), 2);
    }

    #[test]
    fn the_root_is_a_file_like_others() {
        let findings = found(&files("//! a\nuse crate::Other;", "//! b"), &[]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(
            findings[0].path == "c/src/a.rs" && findings[0].advice.contains("`crate::Other`"),
            "{findings:?}"
        );
        assert!(findings[1].path == "c/src/lib.rs" && findings[1].advice.contains("`a::A`"), "{findings:?}");
    }

    #[test]
    fn a_limit_only_goes_down() {
        let circle = files("//! a\nuse crate::b::B;", "//! b\nuse crate::a::A;");
        assert_eq!(found(&circle, &[("c", 2)]), []);
        assert!(found(&circle, &[("c", 1)])[0].advice.contains("`crate::b::B`"));
        assert!(found(&circle, &[("c", 3)])[0].advice.contains("lower its limit from 3"));
        assert!(found(&files("//! a", "//! b"), &[("gone", 1)])[0].advice.contains("no crate `gone`"));
    }

    #[test]
    fn files_of_other_platforms_and_places_are_read() {
        let findings = found(
            &[
                (
                    "c/src/lib.rs",
                    "//! c\n#[cfg(unix)] mod sys;\n#[cfg(not(unix))] #[path = \"sys/none.rs\"] mod sys;\nmod b;",
                ),
                ("c/src/sys/mod.rs", "//! s\npub fn f() {}"),
                ("c/src/sys/none.rs", "//! n\nuse crate::b::B;"),
                ("c/src/b.rs", "//! b\nuse crate::sys::f;"),
            ],
            &[],
        );
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert_eq!(findings[1].path, "c/src/sys/none.rs");
    }
}
