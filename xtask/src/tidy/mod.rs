//! `cargo xtask tidy`: the rules of the house that the compiler does not check.
//!
//! A rule is one file below this one: a pure function from a [`Tree`] to [`Finding`]s, with a test that plants the
//! fault and one that passes a clean tree. To add a rule, add the file and its line in [`RULES`].

mod architecture;
mod circles;
mod crates;
mod dependencies;
mod finding;
mod leftovers;
mod links;
mod markdown;
mod modules;
mod packages;
mod rust_version;
mod top_level;
mod tree;
mod unsafe_code;
mod writers;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::workspace::Workspace;
use finding::Finding;
use tree::Tree;

/// A rule, with the name its findings are printed under.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// Every rule.
const RULES: &[Rule] = &[
    ("sources", tree::check),
    ("crates", crates::check),
    ("unsafe code", unsafe_code::check),
    ("writers", writers::check),
    ("modules", modules::check),
    ("circles", circles::check),
    ("architecture", architecture::check),
    ("dependencies", dependencies::check),
    ("packages", packages::check),
    ("rust-version", rust_version::check),
    ("top level", top_level::check),
    ("leftovers", leftovers::check),
    ("links", links::check),
];

/// What is to be shown instead of checking the rules.
#[derive(Args, Default)]
pub struct Options {
    #[command(subcommand)]
    look: Option<Look>,
}

#[derive(Subcommand)]
enum Look {
    /// Print how many files of each crate use each other in circles, and the names that tie them.
    Circles,
}

/// Applies every rule and prints all that they find; or shows what is asked for.
///
/// # Errors
/// When there is a finding, or the tree cannot be read.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let tree = Tree::load(workspace)?;
    if let Some(Look::Circles) = options.look {
        circles::print(&tree);
        return Ok(());
    }
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&tree);
        findings.sort();
        findings.dedup();
        count += findings.len();
        for finding in findings {
            println!("{finding} [{name}]");
        }
    }
    if count > 0 {
        return Err(Failure::Findings(count));
    }
    println!("tidy: {} rules hold over {} files", RULES.len(), tree.paths().count());
    Ok(())
}
