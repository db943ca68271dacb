//! Programs from outside the project that its tests use as judges, and how to get them on Debian.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::shell::Line;

/// A program the tests run, and where it comes from.
struct Client {
    program: &'static str,
    /// Arguments that make it say its version and stop.
    probe: &'static [&'static str],
    package: &'static str,
}

const CLIENTS: &[Client] = &[
    // `go tool pprof`, the reader whose totals ours must equal.
    Client { program: "go", probe: &["version"], package: "golang-go" },
    // What `go tool pprof -svg` draws with.
    Client { program: "dot", probe: &["-V"], package: "graphviz" },
    // callgrind, which counts the instructions of an allocation.
    Client { program: "valgrind", probe: &["--version"], package: "valgrind" },
];

/// Makes sure that the programs are there, installing what is missing.
///
/// # Errors
/// When something is missing and cannot be installed: there is no apt-get, no right to use it, or it failed.
pub fn ensure(root: &Path) -> Result<(), Failure> {
    ensure_all(root, CLIENTS.iter())
}

/// As [`ensure`], for one of the programs.
///
/// # Errors
/// As for [`ensure`].
pub fn ensure_one(root: &Path, program: &str) -> Result<(), Failure> {
    ensure_all(root, CLIENTS.iter().filter(|client| client.program == program))
}

fn ensure_all<'a>(root: &Path, clients: impl Iterator<Item = &'a Client>) -> Result<(), Failure> {
    let missing: Vec<&Client> = clients.filter(|client| !is_there(client)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs = list(&missing, |client| client.program);
    let packages: Vec<&str> = missing.iter().map(|client| client.package).collect();
    println!("This needs {programs}, missing here: installing {} with apt-get.", packages.join(", "));
    let is_root = Line::new(root, "id").args(["-u"]).capture().is_ok_and(|id| id.trim() == "0");
    for words in installation(&packages, is_root, std::io::stdin().is_terminal()) {
        Line::new(root, words[0]).args(&words[1..]).run().map_err(|failure| {
            Failure::Client(format!(
                "{programs} missing, and it could not be installed: {failure}. Install the Debian packages {} (or \
                 what your system has for them) and run this again.",
                packages.join(" and ")
            ))
        })?;
    }
    match missing.iter().find(|client| !is_there(client)) {
        None => Ok(()),
        Some(client) => Err(Failure::Client(format!(
            "`{}` still cannot be run after installing {}; look at apt-get's messages above.",
            client.program, client.package
        ))),
    }
}

fn list(clients: &[&Client], word: impl Fn(&Client) -> &str) -> String {
    clients.iter().map(|client| format!("`{}`", word(client))).collect::<Vec<_>>().join(" and ")
}

fn is_there(client: &Client) -> bool {
    Command::new(client.program)
        .args(client.probe)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command lines that install `packages`. Without a terminal nobody can type a password, so sudo must not ask.
fn installation<'a>(packages: &[&'a str], is_root: bool, has_terminal: bool) -> Vec<Vec<&'a str>> {
    let mut prefix: Vec<&str> = match (is_root, has_terminal) {
        (true, _) => vec![],
        (false, true) => vec!["sudo"],
        (false, false) => vec!["sudo", "--non-interactive"],
    };
    // Through `env`, since sudo passes no variable on by itself.
    prefix.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let install = ["install", "--yes", "--no-install-recommends"];
    vec![[&prefix[..], &["update"]].concat(), [&prefix[..], &install, packages].concat()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_updated_before_anything_is_installed() {
        let lines = installation(&["golang-go", "graphviz"], true, false);
        assert_eq!(lines[0].join(" "), "env DEBIAN_FRONTEND=noninteractive apt-get update");
        assert_eq!(
            lines[1].join(" "),
            "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends golang-go graphviz"
        );
    }

    #[test]
    fn sudo_asks_only_where_someone_can_answer() {
        assert_eq!(installation(&["graphviz"], false, true)[0][..2], ["sudo", "env"]);
        assert_eq!(installation(&["graphviz"], false, false)[0][..2], ["sudo", "--non-interactive"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_missed() {
        assert!(!is_there(&Client { program: "no-such-program-anywhere", probe: &[], package: "none" }));
        assert!(is_there(&Client { program: "cargo", probe: &["--version"], package: "cargo" }));
    }
}
