//! Printing: the only file of this crate that writes to stdout and stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use highwater_profile::file::{FileError, write_atomically};
use highwater_report::{View, wrapped};
use serde::Serialize;

use crate::error::CliError;
use crate::reader::Readers;
use crate::shared::Shared;

/// Columns to assume if no terminal reports its width.
const DEFAULT_WIDTH: usize = 80;

/// Tables do not fit on a narrower screen, and shortening their lines further would not help.
const LEAST_WIDTH: usize = 60;

/// The meaning of an answer for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer was printed; if it is a verdict, all is well.
    Answered,
    /// Something needs the user's attention.
    Found,
    /// The data does not allow a verdict.
    Inconclusive,
    /// A program was run, and ended with this code.
    Ended(u8),
}

impl Outcome {
    /// The exit code. Errors have code 2.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Answered => 0,
            Self::Found => 1,
            Self::Inconclusive => 3,
            Self::Ended(code) => code,
        }
    }
}

/// Prints an answer: as JSON with `--json`, else as text.
pub(crate) fn answer<T: Serialize>(
    shared: &Shared,
    kind: &str,
    answer: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    answer_beside(None, shared, kind, answer, text)
}

/// Like [`answer`], for a document that was written to `path`.
pub(crate) fn answer_about<T: Serialize>(
    path: &Path,
    shared: &Shared,
    kind: &str,
    answer: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    answer_beside(Some(path), shared, kind, answer, text)
}

fn answer_beside<T: Serialize>(
    document: Option<&Path>,
    shared: &Shared,
    kind: &str,
    answer: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    let say = |text: &str| document.map_or_else(|| print(text), |path| about_document(path, text));
    if shared.json {
        say(&highwater_report::json(kind, answer)?)?;
    } else {
        let text = text(answer);
        // A program that reads the output gets each sentence on one line.
        let text = known_width()
            .filter(|it| *it >= LEAST_WIDTH)
            .map_or_else(|| text.clone(), |it| wrapped(&text, it));
        say(&text)?;
    }
    Ok(())
}

/// The options for text on stdout. The width is the terminal's, or `COLUMNS` if there is no terminal. Colours
/// follow the terminal and `NO_COLOR`.
pub(crate) fn view() -> View {
    View {
        width: known_width().unwrap_or(DEFAULT_WIDTH),
        colour: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        ..View::default()
    }
}

/// Columns of the terminal, or the value of `COLUMNS`.
fn known_width() -> Option<usize> {
    let stdout = io::stdout();
    let terminal = if stdout.is_terminal() { terminal_size::terminal_size_of(&stdout) } else { None };
    let asked_for = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.map(|(width, _)| usize::from(width.0)).filter(|it| *it > 0).or_else(asked_for)
}

/// Prints to stdout. A closed pipe (`| head`) or a closed terminal is not an error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if has_no_reader(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Whether the error means that nobody reads the output any more. A closed terminal returns the same error as
/// a broken disk.
fn has_no_reader(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || Readers::of_output().are_gone()
}

/// Writes a document to the file of `-o`. `-` is stdout, and so is `/dev/stdout`.
pub(crate) fn document(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    if path.as_os_str() != "-" {
        return write_atomically(path, content);
    }
    // The bytes are unchanged: colours are not removed from a document.
    let mut out = io::BufWriter::new(io::stdout().lock());
    match content(&mut out).and_then(|()| out.flush()) {
        Err(error) if !has_no_reader(&error) => {
            Err(FileError::Write { path: "standard output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// Whether a document for this path goes to stdout. Messages about it must then go elsewhere.
pub(crate) fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|it| path == Path::new(it))
}

/// Prints that a document was written to `path`: on stdout, or on stderr if the document itself is on stdout.
pub(crate) fn about_document(path: &Path, text: &str) -> io::Result<()> {
    if is_stdout(path) {
        aside(text);
        return Ok(());
    }
    print(text)
}

/// Whether a person reads what is printed to stderr.
pub(crate) fn is_error_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints text for other programs to stderr, without a prefix.
pub(crate) fn aside(text: &str) {
    // If stderr is closed, nobody can read the message.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error to stderr, on one line whatever the message contains.
pub(crate) fn error(message: &str) {
    line("error", message);
}

/// Prints a remark to stderr, on one line whatever the message contains.
pub(crate) fn note(message: &str) {
    line("note", message);
}

fn line(kind: &str, message: &str) {
    let message: String = message.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    // If stderr is closed, nobody can read the message.
    let _ = writeln!(io::stderr().lock(), "highwater: {kind}: {message}");
}
