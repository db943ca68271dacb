//! The allowed dependencies between the workspace's crates: the arrows of docs/ARCHITECTURE.md, as a table.
//!
//! Development dependencies are free, since they do not reach users. Only the command may not be a dependency
//! of any crate.

use super::{Finding, tree::Tree};
use crate::workspace::Crate;

/// The workspace's crates that a crate may use.
enum Uses {
    Only(&'static [&'static str]),
    Anything,
}

use Uses::{Anything, Only};

const COMMAND: &str = "highwater-cli";

const ARROWS: &[(&str, Uses)] = &[
    (
        COMMAND,
        Only(&[
            "highwater-report",
            "highwater-analyze",
            "highwater-symbol",
            "highwater-profile",
            "highwater-tls",
        ]),
    ),
    ("highwater-report", Only(&["highwater-analyze"])),
    ("highwater-analyze", Only(&["highwater-profile"])),
    ("highwater-symbol", Only(&["highwater-profile"])),
    ("highwater-profile", Only(&[])),
    ("highwater", Only(&["highwater-runtime", "highwater-profile"])),
    (
        "highwater-agent",
        Only(&[
            "highwater",
            "highwater-runtime",
            "highwater-hooks",
            "highwater-tasks",
            "highwater-profile",
            "highwater-tls",
        ]),
    ),
    ("highwater-runtime", Only(&[])),
    // A sleeping thread's stack is walked with the recorder's stack walk.
    ("highwater-hooks", Only(&["highwater-runtime"])),
    (
        "highwater-leaktest",
        Only(&[
            "highwater-leaktest-macros",
            "highwater-hooks",
            "highwater-runtime",
            "highwater-tasks",
            "highwater-profile",
        ]),
    ),
    ("highwater-leaktest-macros", Only(&[])),
    ("highwater-tasks", Only(&[])),
    ("highwater-tls", Only(&[])),
    ("highwater-leak-corpus", Only(&[])),
    ("highwater-bench", Only(&["highwater", "highwater-runtime"])),
    ("highwater-fuzz", Only(&["highwater-profile"])),
    ("highwater-tests", Anything),
    ("xtask", Only(&["highwater-profile"])),
];

/// Every dependency between the workspace's crates is an arrow of the table.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.crates.iter().flat_map(|each| check_crate(each, &tree.crates)).collect()
}

fn check_crate(each: &Crate, all: &[Crate]) -> Vec<Finding> {
    let finding = |advice: String| Finding::new(&each.manifest, 0, advice);
    let Some((_, uses)) = ARROWS.iter().find(|(name, _)| *name == each.name) else {
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
}
