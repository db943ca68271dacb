//! `cargo xtask demo`: Highwater's main task on a real program, with a check of the result.
//!
//! The example program `codeindex` runs with two faults switched on, and then with a third. The demo shows
//! the commands that a user would type. The check runs them again with JSON output, and compares the first
//! rows with the lines of the program that contain the faults. A comment marks these lines, so no line
//! numbers are needed.

mod first_row;

use std::fs;
use std::path::{Path, PathBuf};

use self::first_row::FirstRow;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The directory of the example's sources, relative to the workspace root.
const EXAMPLE: &str = "crates/highwater/examples/codeindex";

/// The demo's program and its files.
struct Demo<'a> {
    workspace: &'a Workspace,
    /// The `highwater` command.
    highwater: PathBuf,
    /// Snapshot after the index is built, before the queries.
    indexed: PathBuf,
    /// Snapshot at the end.
    queried: PathBuf,
    /// Snapshot at the end of a run that fragments its memory.
    fragmented: PathBuf,
    live: PathBuf,
    diff: PathBuf,
}

/// Builds and runs everything, prints the tables and drawings, and checks the first rows.
///
/// # Errors
/// When a program does not build or run, or a fault's line is not first.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let root = workspace.root.as_path();
    heading("Build the highwater command and the program to be watched");
    // Built together, so that common dependencies are built once and with the same features.
    Line::cargo(root)
        .args(["build", "--release", "--package", "highwater-cli", "--bin", "highwater"])
        .args(["--package", "highwater", "--example", "codeindex"])
        .run()?;

    heading("Run the program with a leak and a spike, taking snapshots");
    let directory = workspace.target.join("demo");
    let snapshots = directory.join("snapshots");
    empty(&snapshots)?;
    let release = workspace.target.join("release");
    let program = release.join("examples").join(with_exe("codeindex"));
    Line::new(root, &program)
        .args(["--fault", "leak", "--fault", "spike", "--snapshots"])
        .args([&snapshots])
        // The program sets its own sampling; a variable from the shell would change the output.
        .without_env("HIGHWATER")
        .run()?;

    let fragmented = directory.join("fragmented");
    empty(&fragmented)?;
    Line::new(root, &program)
        .args(["--fault", "fragment", "--queries", "100", "--snapshots"])
        .args([&fragmented])
        // Blame on single lines needs more samples than totals do.
        .env("HIGHWATER", "interval:16KiB")
        .run()?;

    let demo = Demo {
        workspace,
        highwater: release.join(with_exe("highwater")),
        indexed: snapshots.join("indexed.pb.gz"),
        queried: snapshots.join("queried.pb.gz"),
        fragmented: fragmented.join("queried.pb.gz"),
        live: directory.join("live.svg"),
        diff: directory.join("diff.svg"),
    };
    demo.show()?;
    demo.check()
}

impl Demo<'_> {
    fn show(&self) -> Result<(), Failure> {
        heading("What grew between the two snapshots");
        self.growth().run()?;
        heading("What was held at the moment of highest use");
        self.peak().run()?;
        heading("Why a process is larger than its live memory");
        self.command(["rss", "--limit", "3"]).args([&self.fragmented]).run()?;
        heading("The same as drawings");
        self.command(["flame"]).args([&self.queried]).args(["-o"]).args([&self.live]).run()?;
        self.command(["flame", "--diff"])
            .args([&self.indexed, &self.queried])
            .args(["-o"])
            .args([&self.diff])
            .run()?;
        for drawing in [&self.live, &self.diff] {
            let size = fs::metadata(drawing)
                .map_err(|source| Failure::File { path: drawing.clone(), source })?
                .len();
            println!("{} ({size} bytes)", drawing.display());
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        heading("Check that the faults are in the first rows");
        for (table, command, marker) in [
            ("diff", self.growth(), "the leak"),
            ("peak", self.peak(), "the spike"),
            ("held", self.held(), "the fragmentation"),
        ] {
            let command = command.args(["--json"]);
            let json = command.capture()?;
            let row =
                FirstRow::parse(&json).map_err(|what| Failure::Output { command: command.shown(), what })?;
            row.carries(marker, &self.workspace.root.join(EXAMPLE))
                .map_err(|what| Failure::Demo(format!("the first row of the {table} table {what}")))?;
            let root = format!("{}/", self.workspace.root.display());
            println!("{table}: {} is `// {marker}`", row.label.replace(&root, ""));
        }
        Ok(())
    }

    fn growth(&self) -> Line<'_> {
        self.command(["diff"]).args([&self.indexed, &self.queried])
    }

    fn peak(&self) -> Line<'_> {
        self.command(["top", "--sample", "peak-bytes"]).args([&self.queried])
    }

    fn held(&self) -> Line<'_> {
        self.command(["top", "--sample", "held-bytes"]).args([&self.fragmented])
    }

    fn command<const N: usize>(&self, words: [&str; N]) -> Line<'_> {
        Line::new(&self.workspace.root, &self.highwater).args(words)
    }
}

fn heading(words: &str) {
    println!("\n== {words}");
}

fn with_exe(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// Makes an empty directory, so that snapshots of an earlier run are not used.
fn empty(directory: &Path) -> Result<(), Failure> {
    let fail = |source| Failure::File { path: directory.to_owned(), source };
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(fail)?;
    }
    fs::create_dir_all(directory).map_err(fail)
}
