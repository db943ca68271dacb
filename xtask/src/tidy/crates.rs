//! The allowed dependencies between the workspace's crates: the arrows of docs/ARCHITECTURE.md, as a table.
//!
//! Development dependencies are free, since they do not reach users. Only the command may not be a dependency
//! of any crate.

use super::finding::Finding;
use super::tree::Tree;
use crate::workspace::Crate;

/// The workspace's crates that a crate may use.
enum Uses {
    Only(&'static [&'static str]),
    Anything,
}

use Uses::{Anything, Only};

const FILE: &str = "xtask/src/tidy/crates.rs";

const COMMAND: &str = "highwater-cli";

const ARROWS: &[(&str, Uses)] = &[
    (
        COMMAND,
        Only(&[
            "highwater-report",
            "highwater-analyze",
            "highwater-symbol",
            "highwater-names",
            "highwater-profile",
            "highwater-tls",
        ]),
    ),
    ("highwater-report", Only(&["highwater-analyze", "highwater-names"])),
    ("highwater-analyze", Only(&["highwater-names", "highwater-profile"])),
    ("highwater-symbol", Only(&["highwater-names", "highwater-profile"])),
    ("highwater-names", Only(&[])),
    ("highwater-profile", Only(&[])),
    ("highwater", Only(&["highwater-heap", "highwater-recorder", "highwater-unwind", "highwater-profile"])),
    ("highwater-heap", Only(&[])),
    (
        "highwater-agent",
        Only(&[
            "highwater",
            "highwater-cpu",
            "highwater-recorder",
            "highwater-unwind",
            "highwater-hooks",
            "highwater-names",
            "highwater-resolver",
            "highwater-tasks",
            "highwater-profile",
            "highwater-tls",
        ]),
    ),
    ("highwater-resolver", Only(&["highwater-recorder", "highwater-unwind"])),
    (
        "highwater-preload",
        Only(&["highwater", "highwater-recorder", "highwater-unwind", "highwater-profile"]),
    ),
    ("highwater-criterion", Only(&["highwater", "highwater-recorder"])),
    ("highwater-recorder", Only(&["highwater-unwind", "highwater-lockfree"])),
    ("highwater-unwind", Only(&["highwater-lockfree"])),
    ("highwater-cpu", Only(&["highwater-unwind", "highwater-lockfree"])),
    ("highwater-ledger", Only(&["highwater-unwind", "highwater-lockfree"])),
    ("highwater-lockfree", Only(&[])),
    // A sleeping thread's stack is walked as the stacks of allocations are.
    ("highwater-hooks", Only(&["highwater-ledger", "highwater-unwind"])),
    (
        "highwater-leaktest",
        Only(&[
            "highwater-leaktest-macros",
            "highwater-hooks",
            "highwater-names",
            "highwater-resolver",
            "highwater-ledger",
            "highwater-recorder",
            "highwater-tasks",
            "highwater-profile",
        ]),
    ),
    ("highwater-leaktest-macros", Only(&[])),
    ("highwater-tasks", Only(&["highwater-names"])),
    ("highwater-tls", Only(&[])),
    ("highwater-leak-corpus", Only(&[])),
    ("highwater-bench", Only(&["highwater", "highwater-recorder", "highwater-unwind"])),
    ("highwater-fuzz", Only(&["highwater-profile"])),
    ("highwater-tests", Anything),
    ("xtask", Only(&[])),
];

/// Every dependency between the workspace's crates is an arrow of the table, and every arrow is used.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, ARROWS)
}

fn check_with(tree: &Tree, arrows: &[(&str, Uses)]) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        tree.crates.iter().flat_map(|each| check_crate(each, &tree.crates, arrows)).collect();
    findings.extend(arrows.iter().flat_map(|(name, uses)| unused(name, uses, tree)));
    findings
}

/// Arrows that nothing follows: a crate that is gone, and a dependency that is not declared.
fn unused(name: &str, uses: &Uses, tree: &Tree) -> Vec<Finding> {
    let Some(each) = tree.crates.iter().find(|each| each.name == name) else {
        let advice = format!("there is no crate `{name}`: take its arrows out");
        return vec![Finding::new(FILE, 0, advice)];
    };
    let Only(names) = uses else { return vec![] };
    let is_used = |name: &str| each.dependencies.iter().any(|used| used.name == name && !used.dev);
    let unused = names.iter().filter(|name| !is_used(name));
    unused
        .map(|other| Finding::new(FILE, 0, format!("`{name}` does not use `{other}`: take the arrow out")))
        .collect()
}

fn check_crate(each: &Crate, all: &[Crate], arrows: &[(&str, Uses)]) -> Vec<Finding> {
    let finding = |advice: String| Finding::new(&each.manifest, 0, advice);
    let Some((_, uses)) = arrows.iter().find(|(name, _)| *name == each.name) else {
        return vec![finding(format!(
            "no arrow is drawn for `{}`: place it in xtask/src/tidy/crates.rs and docs/ARCHITECTURE.md",
            each.name
        ))];
    };
    let ours = each.dependencies.iter().filter(|used| all.iter().any(|other| other.name == used.name));
    ours.filter_map(|used| {
        let allowed = match uses {
            _ if used.name == COMMAND => false,
            _ if used.dev => true,
            Anything => true,
            Only(names) => names.contains(&used.name.as_str()),
        };
        (!allowed).then(|| {
            finding(format!(
                "`{}` may not use `{}`: take the dependency out, or move what it needs to where both may reach",
                each.name, used.name
            ))
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    const PLAN: &[(&str, Uses)] = &[
        ("highwater", Only(&["highwater-profile"])),
        ("highwater-profile", Only(&[])),
        ("highwater-cli", Only(&[])),
        ("highwater-tests", Anything),
        ("xtask", Only(&["highwater-profile"])),
    ];

    /// What is wrong with the arrows of a house, without those that nobody follows.
    fn check(tree: &Tree) -> Vec<Finding> {
        check_with(tree, PLAN).into_iter().filter(|finding| finding.path != FILE).collect()
    }

    fn house(name: &str, uses: &str, dev: bool) -> Tree {
        let crates =
            ["highwater", "highwater-profile", "highwater-cli", "highwater-tests", "highwater-new", "xtask"]
                .iter()
                .filter(|each| **each != "highwater-new" || name == "highwater-new")
                .map(|each| Crate {
                    name: (*each).to_owned(),
                    manifest: format!("crates/{each}/Cargo.toml"),
                    dependencies: if *each == name {
                        vec![
                            Dependency { name: uses.to_owned(), dev },
                            Dependency { name: "regex".to_owned(), dev: false },
                        ]
                    } else {
                        vec![]
                    },
                    ..Crate::default()
                })
                .collect();
        Tree::of(&[], crates)
    }

    #[test]
    fn drawn_arrows_pass() {
        for (name, uses) in [
            ("highwater", "highwater-profile"),
            ("highwater-tests", "highwater"),
            ("xtask", "highwater-profile"),
        ] {
            assert_eq!(check(&house(name, uses, false)), [], "{name} -> {uses}");
        }
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        let findings = check(&house("highwater-profile", "highwater", false));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "crates/highwater-profile/Cargo.toml");
        assert!(findings[0].advice.contains("`highwater-profile` may not use `highwater`"));
    }

    #[test]
    fn development_dependencies_are_free_except_on_the_command() {
        assert_eq!(check(&house("highwater-profile", "highwater", true)), []);
        assert_eq!(check(&house("highwater-profile", "highwater-cli", true)).len(), 1);
        assert_eq!(check(&house("highwater-tests", "highwater-cli", false)).len(), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let findings = check(&house("highwater-new", "highwater-profile", false));
        assert!(findings[0].advice.contains("no arrow is drawn for `highwater-new`"), "{findings:?}");
    }

    #[test]
    fn an_arrow_that_nothing_follows_is_found() {
        let unused = |tree: &Tree| {
            let findings = check_with(tree, PLAN);
            findings
                .into_iter()
                .filter(|finding| finding.path == FILE)
                .map(|it| it.advice)
                .collect::<Vec<_>>()
        };
        let all = unused(&house("highwater", "highwater-profile", false));
        assert!(all.len() == 1 && all[0].contains("`xtask` does not use `highwater-profile`"), "{all:?}");
        // What only tests use follows no arrow, and neither does a crate that is gone.
        assert_eq!(unused(&house("highwater", "highwater-profile", true)).len(), 2);
        assert_eq!(unused(&Tree::of(&[], vec![])).len(), PLAN.len());
    }
}
