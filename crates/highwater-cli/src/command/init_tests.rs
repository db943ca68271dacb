//! `highwater init-tests`: adds the leak harness to a package's tests.

use std::env;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::Command;

use crate::error::CliError;
use crate::init_tests::{self, Harness, Plan, Selection, Workspace};
use crate::output::{self, Outcome};

const EXAMPLES: &str = "\
Examples:
  cargo highwater init-tests                  this package, or all of a workspace without one at its root
  cargo highwater init-tests --dry-run        what would change
  cargo highwater init-tests -p parser --yes  one package of the workspace, without being asked

Exit codes: 0 the tests pass, or were not run; 1 they do not: their output says which leave something; 2 nothing was changed.";

/// Check a package's tests for leaks: add the harness, and run the tests once
///
/// The harness becomes a dependency of the tests, and each test program gets one line, `use
/// highwater_leaktest as _;`. The command shows the change, and asks first on a terminal. Existing lines
/// stay, so the command can be run again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A package of the workspace; may be given more than once
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
    /// All packages of the workspace
    #[arg(long, conflicts_with = "package")]
    workspace: bool,
    /// The manifest to start from, instead of the nearest one
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// Take the harness from a directory instead of the registry
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Show the changes without making them
    #[arg(long)]
    dry_run: bool,
    /// Make the changes without asking
    #[arg(short, long)]
    yes: bool,
    /// Do not run the tests
    #[arg(long)]
    no_run: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        let workspace = Workspace::find(self.manifest_path.as_deref())?;
        let selection = match (self.workspace, self.package.is_empty()) {
            (true, _) => Selection::Workspace,
            (_, true) => Selection::Here,
            _ => Selection::Named(self.package.clone()),
        };
        let harness = self.path.as_ref().map_or(Ok(Harness::Registry), |path| {
            let absolute = path.canonicalize();
            absolute.map(Harness::Path).map_err(|source| CliError::Unreadable { path: path.clone(), source })
        })?;
        let plan = init_tests::plan(&workspace, &selection, &harness)?;
        if plan.packages.is_empty() {
            output::note("there are no tests here: nothing to do");
            return Ok(Outcome::Answered);
        }
        self.show(&plan, &workspace)?;
        if self.dry_run {
            return Ok(Outcome::Answered);
        }
        if !plan.edits.is_empty() {
            if !self.yes && !is_wanted()? {
                output::note("nothing was changed");
                return Ok(Outcome::Answered);
            }
            plan.write()?;
        }
        if self.no_run { Ok(Outcome::Answered) } else { run_tests(&workspace, &plan) }
    }

    fn show(&self, plan: &Plan, workspace: &Workspace) -> Result<(), CliError> {
        let directory = env::current_dir().unwrap_or_else(|_| workspace.root().to_owned());
        for edit in &plan.edits {
            output::print(&edit.diff(&directory))?;
        }
        if plan.edits.is_empty() {
            output::note("the harness is there already: nothing to change");
        }
        for own in &plan.allocators {
            output::note(&format!(
                "{}:{}: a global allocator of the package's own; unless it takes each block from the C library, wrap it for tests, \
                 for the harness to see what it allocates: `static NAME: highwater_leaktest::Alloc<TYPE> = highwater_leaktest::Alloc::with_inner(VALUE);`",
                own.path.strip_prefix(&directory).unwrap_or(&own.path).display(),
                own.line
            ));
        }
        Ok(())
    }
}

/// Asks the user if stdin and stdout are terminals; otherwise the answer is yes.
fn is_wanted() -> Result<bool, CliError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(true);
    }
    output::print("Change these files? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn run_tests(workspace: &Workspace, plan: &Plan) -> Result<Outcome, CliError> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace.root()).args(["test", "--no-fail-fast"]);
    for package in &plan.packages {
        command.args(["--package", package]);
    }
    let status = command.status().map_err(|error| CliError::Cargo(format!("cannot start cargo: {error}")))?;
    Ok(if status.success() { Outcome::Answered } else { Outcome::Found })
}
