//! Building the corpus. Its programs are no part of the workspace's tests, so cargo has not built them.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use highwater_tests::{build_library, succeed};

/// The corpus's own directory.
pub fn directory() -> PathBuf {
    highwater_tests::repository().join("tests/leak-corpus")
}

/// Where the workspace's own tests are built, for the corpus to be built there too.
pub fn target() -> PathBuf {
    // A test runs as <target directory>/<profile>/deps/<test>.
    let test = env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("a test lies three directories deep in the target directory").to_owned()
}

/// A cargo command on the corpus.
pub fn cargo(words: &[&str]) -> Command {
    const PROGRAMS: &[&str] = &[
        "whole",
        "shadowed",
        "marked",
        "memory",
        "foreign",
        "unknown",
        "hanging",
        "remaining",
        "guide_leaking",
        "guide_fixed",
    ];
    cargo_for(words, PROGRAMS)
}

/// The same on these programs of it.
pub fn cargo_for(words: &[&str], programs: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(directory()).args(words);
    if way().name == "debug" && words[0] != "rustc" {
        // With the features that dependencies have in the workspace's own tests, which built them already.
        cargo.arg("--workspace");
    } else {
        cargo.args(["--package", "highwater-leak-corpus"]);
    }
    for program in programs {
        cargo.args(["--test", program]);
    }
    cargo.arg("--target-dir").arg(target());
    way().apply(&mut cargo);
    cargo
}

/// How the corpus is built: as this test is, or as `LEAK_CORPUS_BUILD` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    pub name: &'static str,
    /// Options of cargo's.
    options: &'static [&'static str],
    /// Variables that cargo reads.
    variables: &'static [(&'static str, &'static str)],
}

/// A profile of its own has dependencies of its own, so each build has its directory.
const BUILDS: &[Build] = &[
    Build { name: "debug", options: &[], variables: &[] },
    Build {
        name: "release",
        options: &["--release"],
        variables: &[("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only")],
    },
    Build {
        name: "v0",
        options: &[],
        variables: &[("CARGO_ENCODED_RUSTFLAGS", "-Csymbol-mangling-version=v0")],
    },
    Build {
        name: "coverage",
        options: &[],
        variables: &[
            ("CARGO_ENCODED_RUSTFLAGS", "-Cinstrument-coverage"),
            ("LLVM_PROFILE_FILE", "/dev/null"),
        ],
    },
    Build {
        name: "line-tables",
        options: &[],
        variables: &[("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")],
    },
    Build { name: "no-debug", options: &[], variables: &[("CARGO_PROFILE_DEV_DEBUG", "0")] },
    Build {
        name: "no-debug-release",
        options: &["--release"],
        variables: &[("CARGO_PROFILE_RELEASE_DEBUG", "0")],
    },
    Build {
        name: "lto",
        options: &["--release"],
        variables: &[
            ("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only"),
            ("CARGO_PROFILE_RELEASE_LTO", "fat"),
        ],
    },
];

impl Build {
    fn apply(self, cargo: &mut Command) {
        cargo.args(self.options).envs(self.variables.iter().copied());
    }
}

/// The build that is asked for.
pub fn way() -> Build {
    let default = if cfg!(debug_assertions) { "debug" } else { "release" };
    let asked = env::var("LEAK_CORPUS_BUILD").unwrap_or_else(|_| default.to_owned());
    let found = BUILDS.iter().find(|it| it.name == asked);
    *found.unwrap_or_else(|| panic!("LEAK_CORPUS_BUILD={asked}: there is no such build"))
}

/// Whether the corpus has debug information.
pub fn has_lines() -> bool {
    !way().name.starts_with("no-debug")
}

/// Builds `programs/leak_bypass.rs` as a shared library named `name`.
pub fn library(name: &str, options: &[&str]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.so"));
    let options = [&["--check-cfg", "cfg(sanitizer, interposer, broken)"], options].concat();
    build_library("leak_bypass", &path, &options);
    path
}

/// The test program of this name.
pub fn program(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let build = || {
        let messages = succeed(cargo(&["test", "--no-run"]).args(["--message-format", "json"]));
        let messages = messages.lines().filter_map(|it| serde_json::from_str::<serde_json::Value>(it).ok());
        messages
            .filter_map(|it| {
                Some((it["target"]["name"].as_str()?.to_owned(), PathBuf::from(it["executable"].as_str()?)))
            })
            .collect()
    };
    PROGRAMS.get_or_init(build).get(name).unwrap_or_else(|| panic!("cargo built no {name}"))
}
