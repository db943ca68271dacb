//! The screen of `highwater live` in a terminal, on snapshots of a real program that leaks: its content
//! equals the output of `--json`; new and damaged files; slow servers; and the terminal, which is restored or
//! closed.

mod ends;
mod follow;
#[cfg(target_os = "linux")]
mod gone;
mod numbers;

use std::path::Path;

use highwater_tests::highwater;
use highwater_tests::terminal::Terminal;
use tempfile::TempDir;

/// Special keys, as a terminal sends them.
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";
const LEFT: &str = "\x1b[D";
const DOWN: &str = "\x1b[B";

/// A screen with its directories for saved files and for the cache.
struct Live {
    terminal: Terminal,
    own: TempDir,
}

impl Live {
    fn start(target: &str, more: &[&str], size: (u16, u16)) -> Self {
        Self::start_with(target, more, &[], size)
    }

    fn start_with(target: &str, more: &[&str], environment: &[(&str, &str)], size: (u16, u16)) -> Self {
        let own = tempfile::tempdir().unwrap();
        let place = own.path().to_str().unwrap();
        let arguments = [&["live", target, "--every", "100ms", "--out", place], more].concat();
        let environment = [environment, &[("XDG_CACHE_HOME", place)]].concat();
        let terminal = Terminal::run(highwater(), &arguments, &environment, size);
        Self { terminal, own }
    }

    /// Waits until the screen shows the snapshot that `shown` describes, with its table.
    #[track_caller]
    fn settled(&self, shown: &str) -> String {
        self.terminal
            .wait(shown, |it| it.contains(shown) && it.contains("? help") && !it.contains("working…"))
    }

    fn saves_into(&self) -> &Path {
        self.own.path()
    }
}
