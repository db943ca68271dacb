//! Outside programs that the tests use as judges, and how to install them on Debian.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

mod nextest;
mod npm;
mod python;

/// A program that the tests run, and its source.
struct Client {
    program: &'static str,
    /// Arguments that make it print its version and exit.
    probe: &'static [&'static str],
    package: &'static str,
}

const CLIENTS: &[Client] = &[
    // `go tool pprof`, the reader whose totals Highwater's must equal.
    Client { program: "go", probe: &["version"], package: "golang-go" },
    // The drawing program of `go tool pprof -svg`.
    Client { program: "dot", probe: &["-V"], package: "graphviz" },
    // `readelf -n`, which shows the notes of probes.
    Client { program: "readelf", probe: &["--version"], package: "binutils" },
    // Linkers with other program layouts. GNU's comes with the compiler.
    Client { program: "ld.gold", probe: &["--version"], package: "binutils" },
    Client { program: "mold", probe: &["--version"], package: "mold" },
    Client { program: "ld.lld", probe: &["--version"], package: "lld" },
    // The tracer for the probes of a running program.
    Client { program: "gdb", probe: &["--version"], package: "gdb" },
    // callgrind, which counts the instructions of an allocation; DHAT, with the page that shows its files;
    // callgrind_annotate.
    Client { program: "valgrind", probe: &["--version"], package: "valgrind" },
    // The reader of heaptrack's recordings, heaptrack_print.
    Client { program: "heaptrack", probe: &["--version"], package: "heaptrack" },
    // jemalloc, and the reader of its dumps.
    Client { program: "jeprof", probe: &["--version"], package: "libjemalloc-dev" },
    // tcmalloc, and the reader of its profiles.
    Client { program: "google-pprof", probe: &["--version"], package: "google-perftools" },
    // The compiler for programs behind goldens; one of them needs tcmalloc's header.
    Client { program: "g++", probe: &["--version"], package: "g++" },
    Client { program: "g++", probe: TCMALLOC_HEADER, package: "libgoogle-perftools-dev" },
    // The reference for naming addresses, and the compressor for the symbol table of a stripped binary.
    Client { program: "llvm-symbolizer", probe: &["--version"], package: "llvm" },
    Client { program: "xz", probe: &["--version"], package: "xz-utils" },
    // A TLS server, and the tool with which users make certificates.
    Client { program: "openssl", probe: &["version"], package: "openssl" },
    // The compressor of zstd files, which Highwater reads.
    Client { program: "zstd", probe: &["--version"], package: "zstd" },
    // The reader of Highwater's JSON and CSV, and the installer of readers written in Python.
    Client { program: python::PYTHON, probe: &["-c", "import ensurepip"], package: "python3-venv" },
    // A client for the agent: `HEAD` requests, and requests through a Unix socket.
    Client { program: "curl", probe: &["--version"], package: "curl" },
    // Prometheus, which scrapes the agent, and its checker `promtool check metrics`.
    Client { program: "prometheus", probe: &["--version"], package: "prometheus" },
    Client { program: "promtool", probe: &["--version"], package: "prometheus" },
    // The checker for systemd units, `systemd-analyze verify`.
    Client { program: "systemd-analyze", probe: &["--version"], package: "systemd" },
    // The browser for DHAT's page and speedscope.
    Client { program: "chromium", probe: &["--version"], package: "chromium" },
    // Programs that are recorded as they are.
    Client { program: "git", probe: &["--version"], package: "git" },
    Client { program: "perl", probe: &["-v"], package: "perl" },
    // The installer of readers that are not Debian packages.
    Client { program: "npm", probe: &["--version"], package: "npm" },
];

/// Programs that only benchmarks need.
const OF_BENCHMARKS: &[Client] = &[
    // The load generator with a fixed request rate. With one request to a closed port, it exits at once.
    Client { program: "hey", probe: &["-n", "1", "-c", "1", "http://127.0.0.1:9"], package: "hey" },
    // A program that is recorded as it is.
    Client { program: "sqlite3", probe: &["--version"], package: "sqlite3" },
];

/// Compiles only the header.
const TCMALLOC_HEADER: &[&str] =
    &["-fsyntax-only", "-x", "c++", "-include", "gperftools/malloc_extension.h", "/dev/null"];

/// Checks that the programs are installed, and installs missing ones: Debian packages, and packages of npm
/// and pip in the target directory.
///
/// # Errors
/// When a program is missing and cannot be installed: there is no apt-get, no permission to use it, or it
/// failed.
pub fn ensure(workspace: &Workspace) -> Result<(), Failure> {
    ensure_all(&workspace.root, CLIENTS.iter())?;
    nextest::ensure(&workspace.root)?;
    npm::ensure(&workspace.root, &workspace.target)?;
    python::ensure(&workspace.root, &workspace.target)
}

/// Like [`ensure`], for one of the programs.
///
/// # Errors
/// The errors of [`ensure`].
pub fn ensure_one(root: &Path, program: &str) -> Result<(), Failure> {
    ensure_all(root, CLIENTS.iter().chain(OF_BENCHMARKS).filter(|client| client.program == program))
}

/// Like [`ensure`], for cargo-nextest.
///
/// # Errors
/// When it is missing and cannot be built.
pub fn ensure_nextest(root: &Path) -> Result<(), Failure> {
    nextest::ensure(root)
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

/// The command lines that install `packages`. Without a terminal nobody can type a password, so sudo must not
/// ask for it.
fn installation<'a>(packages: &[&'a str], is_root: bool, has_terminal: bool) -> Vec<Vec<&'a str>> {
    let mut prefix: Vec<&str> = match (is_root, has_terminal) {
        (true, _) => vec![],
        (false, true) => vec!["sudo"],
        (false, false) => vec!["sudo", "--non-interactive"],
    };
    // With `env`, because sudo does not pass variables on.
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
    fn sudo_asks_only_on_a_terminal() {
        assert_eq!(installation(&["graphviz"], false, true)[0][..2], ["sudo", "env"]);
        assert_eq!(installation(&["graphviz"], false, false)[0][..2], ["sudo", "--non-interactive"]);
    }

    #[test]
    fn a_missing_program_is_detected() {
        assert!(!is_there(&Client { program: "no-such-program-anywhere", probe: &[], package: "none" }));
        assert!(is_there(&Client { program: "cargo", probe: &["--version"], package: "cargo" }));
    }
}
