//! Go finds the names of a program's functions itself, with any linker layout, and whether or not loading
//! moves the program.
//!
//! Linkers let the code begin anywhere, at a page, or at its position in the file. Each case needs another
//! entry for its mapping.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::go::Go;
use highwater_tests::succeed;

use crate::{Snapshots, expect_names};

/// A way to link a program: its name, the options, and text that the linker leaves in the file.
struct Linked {
    name: &'static str,
    options: &'static [&'static str],
    shows: &'static [u8],
}

const LINKED: [Linked; 6] = [
    Linked { name: "lld", options: &["-Clinker-features=-lld", "-Clink-arg=-fuse-ld=lld"], shows: b"LLD" },
    Linked { name: "bfd", options: &["-Clinker-features=-lld", "-Clink-arg=-fuse-ld=bfd"], shows: b"" },
    Linked {
        name: "gold",
        options: &["-Clinker-features=-lld", "-Clink-arg=-fuse-ld=gold"],
        shows: b"gold 1.",
    },
    Linked {
        name: "mold",
        options: &["-Clinker-features=-lld", "-Clink-arg=-fuse-ld=mold"],
        shows: b"mold ",
    },
    Linked { name: "lld-fixed", options: &["-Crelocation-model=static"], shows: b"LLD" },
    Linked {
        name: "bfd-fixed",
        options: &["-Crelocation-model=static", "-Clinker-features=-lld", "-Clink-arg=-fuse-ld=bfd"],
        shows: b"",
    },
];

/// The library with which the program was built: cargo's newest, whose own libraries are next to it.
fn library() -> PathBuf {
    let deps = Path::new(env!("CARGO_BIN_EXE_interop")).with_file_name("deps");
    let files = fs::read_dir(&deps).unwrap().map(|it| it.unwrap().path());
    let is_library = |it: &PathBuf| {
        let name = it.file_name().unwrap().to_str().unwrap_or_default();
        name.starts_with("libhighwater-") && name.ends_with(".rlib")
    };
    files.filter(is_library).max_by_key(|it| fs::metadata(it).unwrap().modified().unwrap()).unwrap()
}

impl Linked {
    fn build(&self, library: &Path, directory: &Path) -> PathBuf {
        let program = directory.join(self.name);
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition=2024", "--crate-name=interop", "-Cdebuginfo=2"]).args(self.options);
        rustc.arg("--extern").arg(format!("highwater={}", library.display()));
        rustc.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
        rustc.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../programs/interop.rs")).arg("-o").arg(&program);
        succeed(&mut rustc);
        let content = fs::read(&program).unwrap();
        let is_shown = |mark: &[u8]| content.windows(mark.len().max(1)).any(|it| it == mark);
        assert!(self.shows.is_empty() || is_shown(self.shows), "{} has not linked it", self.name);
        // The header of a program that is not moved has another type (ET_EXEC).
        assert_eq!(content[16] == 2, self.name.ends_with("fixed"), "{}", self.name);
        program
    }
}

#[test]
fn every_linker_s_functions_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let library = library();
    for linked in LINKED {
        let program = linked.build(&library, directory.path());
        for go in Go::ALL {
            let snapshots = Snapshots { go, ..Snapshots::take_of(&program, "") };
            expect_names(&snapshots, &format!("{go:?} and {}", linked.name), true);
        }
    }
}
