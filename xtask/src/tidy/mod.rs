//! `cargo xtask tidy`: rules of the project that the compiler does not check.
//!
//! A rule is one file below this one: a pure function from a [`Tree`] to [`Finding`]s, with a test that
//! plants the fault and one that passes a clean tree. To add a rule, add its file and its line in [`RULES`].

mod architecture;
mod calls;
mod circles;
mod comparison;
mod crates;
mod dependencies;
mod finding;
mod folders;
mod formats;
mod generated;
mod glossary;
mod leftovers;
mod links;
mod markdown;
mod modules;
mod packages;
mod pages;
mod powers;
mod rust_version;
mod top_level;
mod tree;
mod unsafe_code;
mod words;

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
    ("powers", powers::check),
    ("modules", modules::check),
    ("folders", folders::check),
    ("circles", circles::check),
    ("architecture", architecture::check),
    ("generated", generated::check),
    ("dependencies", dependencies::check),
    ("formats", formats::check),
    ("packages", packages::check),
    ("rust-version", rust_version::check),
    ("top level", top_level::check),
    ("leftovers", leftovers::check),
    ("links", links::check),
    ("pages", pages::check),
    ("comparison", comparison::check),
    ("words", words::check),
    ("glossary", glossary::check),
];

/// What can be asked of `cargo xtask tidy`.
#[derive(Args, Default)]
pub struct Options {
    /// Write those parts of the pages anew that are made from the sources.
    #[arg(long)]
    write: bool,
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
/// When there is a finding, the tree cannot be read, or a page cannot be written.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let mut tree = Tree::load(workspace)?;
    if let Some(Look::Circles) = options.look {
        circles::print(&tree);
        return Ok(());
    }
    if options.write {
        generated::write(workspace, &tree)?;
        tree = Tree::load(workspace)?;
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
