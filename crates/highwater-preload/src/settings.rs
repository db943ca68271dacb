//! What is to be done, as `highwater run` says it in one environment variable:
//!
//! ```text
//!     HIGHWATER_RUN=0000004711 000 0 0 60000 exact /home/me/heap.pb.gz
//!                   │          │   │ │ │     │     └ where profiles go, up to the end
//!                   │          │   │ │ │     └ exact, or the sampling interval in bytes; 0 for none
//!                   │          │   │ │ └ milliseconds between two snapshots of a series, 0 for no series
//!                   │          │   │ └ 1 if nothing is recorded before `highwater record PID start`
//!                   │          │   └ 1 if children are recorded as well
//!                   │          └ how often the process has given itself to another program
//!                   └ the process that was started first, 0 in that one
//! ```
//!
//! The first two have fixed widths, so that they can be changed where they stand.

use std::sync::OnceLock;

use highwater_recorder::{Mode, leading_number};

/// The variable with its `=`.
pub(crate) const VARIABLE: &[u8] = b"HIGHWATER_RUN=";

/// Digits of the process and of the number of programs.
pub(crate) const PROCESS_DIGITS: usize = 10;
pub(crate) const EXEC_DIGITS: usize = 3;

/// Longest path.
const PATH_BYTES: usize = 4096;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The process that was started first; 0 in that one.
    pub first_process: u32,
    /// How often the process has given itself to another program.
    pub execs: u32,
    /// Whether children are recorded.
    pub has_children: bool,
    /// Whether nothing is recorded before that is asked for.
    pub is_paused: bool,
    /// Milliseconds between two snapshots; 0 for no series.
    pub every_ms: u64,
    /// What is recorded, if it is not paused.
    pub mode: Mode,
    path: [u8; PATH_BYTES],
    path_bytes: usize,
}

impl Settings {
    /// What is recorded when the program starts.
    pub(crate) fn first_mode(&self) -> Mode {
        if self.is_paused { Mode::Off } else { self.mode }
    }

    /// Where profiles go: a file's name, in which `%p` stands for the process; or with a series, a directory.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path[..self.path_bytes]
    }

    /// Reads the variable's value.
    fn parse(value: &[u8]) -> Option<Self> {
        let (first, rest) = number(value)?;
        let (execs, rest) = number(rest)?;
        let (children, rest) = number(rest)?;
        let (paused, rest) = number(rest)?;
        let (every_ms, rest) = number(rest)?;
        let (mode, given) = match rest.strip_prefix(b"exact ") {
            Some(given) => (Mode::Exact, given),
            None => match number(rest)? {
                (0, given) => (Mode::Off, given),
                (interval_bytes, given) => (Mode::with_interval(interval_bytes), given),
            },
        };
        let mut path = [0; PATH_BYTES];
        path.get_mut(..given.len())?.copy_from_slice(given);
        Some(Self {
            first_process: u32::try_from(first).ok()?,
            execs: u32::try_from(execs).ok()?,
            has_children: children != 0,
            is_paused: paused != 0,
            every_ms,
            mode,
            path,
            path_bytes: given.len(),
        })
    }
}

/// A number with a space behind it, and what comes then.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (number, behind) = leading_number(text)?;
    Some((number, behind.strip_prefix(b" ")?))
}

static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();

/// Takes the settings from the variable's value, if it is there. Once.
pub(crate) fn take(value: Option<&[u8]>) -> Option<&'static Settings> {
    SETTINGS.get_or_init(|| Settings::parse(value?)).as_ref()
}

/// The settings; `None` without the variable.
pub(crate) fn get() -> Option<&'static Settings> {
    SETTINGS.get()?.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_says_all_there_is_to_say() {
        let it = Settings::parse(b"0000004711 012 1 1 60000 exact /a b/heap.%p.pb.gz").unwrap();
        assert_eq!((it.first_process, it.execs, it.has_children, it.every_ms), (4711, 12, true, 60_000));
        assert_eq!((it.mode, it.is_paused), (Mode::Exact, true));
        assert_eq!(it.path(), b"/a b/heap.%p.pb.gz".as_slice());
        let it = Settings::parse(b"0000000000 000 0 0 0 524288 /x").unwrap();
        assert_eq!((it.first_process, it.has_children, it.mode), (0, false, Mode::with_interval(524_288)));
        assert_eq!(Settings::parse(b"0 0 0 0 0 0 /x").unwrap().mode, Mode::Off);
    }

    #[test]
    fn anything_else_is_no_setting() {
        for value in ["", "1 2 3", "0 0 0 0 0 fast /x", "x 0 0 0 0 exact /x", "0 0 0 0 0 exact"] {
            assert!(Settings::parse(value.as_bytes()).is_none(), "{value}");
        }
        assert!(Settings::parse(&[b"0 0 0 0 0 exact /".as_slice(), &[b'x'; PATH_BYTES]].concat()).is_none());
    }
}
