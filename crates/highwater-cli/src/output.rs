//! The terminal: the only place that prints.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use highwater_profile::file::{FileError, write_atomically};
use highwater_report::{View, wrapped};
use serde::Serialize;

use crate::error::CliError;
use crate::reader::Readers;
use crate::shared::Shared;

/// Columns to assume when no terminal tells.
const DEFAULT_WIDTH: usize = 80;

/// On a narrower screen tables do not fit, and are not made worse by breaking their lines.
const LEAST_WIDTH: usize = 60;

/// What an answer means for whoever started the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was given; where it is a verdict, all is well.
    Answered,
    /// There is something to be done.
    Found,
    /// There is no telling.
    Inconclusive,
}

impl Outcome {
    /// The exit code. 2 is for errors.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Answered => 0,
            Self::Found => 1,
            Self::Inconclusive => 3,
        }
    }
}

/// Shows an answer: as JSON if that was asked for, else as text.
pub(crate) fn answer<T: Serialize>(
    shared: &Shared,
    kind: &str,
    answer: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    answer_beside(None, shared, kind, answer, text)
}

/// [`answer`] about a document that was written to `path`.
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
        // A program that reads along gets each sentence in one line.
        let text = known_width()
            .filter(|it| *it >= LEAST_WIDTH)
            .map_or_else(|| text.clone(), |it| wrapped(&text, it));
        say(&text)?;
    }
    Ok(())
}

/// How text is to look on stdout. Its width is the terminal's, or what `COLUMNS` says where there is none. Colours follow the terminal and `NO_COLOR`.
pub(crate) fn view() -> View {
    View {
        width: known_width().unwrap_or(DEFAULT_WIDTH),
        colour: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        ..View::default()
    }
}

/// Columns of the terminal, or those that are asked for.
fn known_width() -> Option<usize> {
    let stdout = io::stdout();
    let terminal = if stdout.is_terminal() { terminal_size::terminal_size_of(&stdout) } else { None };
    let asked_for = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.map(|(width, _)| usize::from(width.0)).filter(|it| *it > 0).or_else(asked_for)
}

/// Prints to stdout. A reader who has seen enough (`| head`) is no error, nor is a terminal that was closed.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if has_no_reader(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Whether this is the error of an output that nobody reads any more. A terminal that is gone fails as a broken disk does.
fn has_no_reader(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || Readers::of_output().are_gone()
}

/// Writes a document to the file that `-o` names: `-` is stdout, as is `/dev/stdout`.
pub(crate) fn document(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    if path.as_os_str() != "-" {
        return write_atomically(path, content);
    }
    // Bytes as they are: a document is not for a terminal's colours to be taken out of.
    let mut out = io::BufWriter::new(io::stdout().lock());
    match content(&mut out).and_then(|()| out.flush()) {
        Err(error) if !has_no_reader(&error) => {
            Err(FileError::Write { path: "standard output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// Whether a document that is written here goes to stdout, where it is not to be mixed with words about it.
pub(crate) fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|it| path == Path::new(it))
}

/// Says that a document was written to `path`: on stdout, or on stderr if the document is there.
pub(crate) fn about_document(path: &Path, text: &str) -> io::Result<()> {
    if is_stdout(path) {
        aside(text);
        return Ok(());
    }
    print(text)
}

/// Prints to stderr what is for a machine that reads along.
pub(crate) fn aside(text: &str) {
    // When stderr is gone there is nobody left to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error to stderr, in one line whatever it holds.
pub(crate) fn error(message: &str) {
    line("error", message);
}

/// Prints a remark to stderr, in one line whatever it holds.
pub(crate) fn note(message: &str) {
    line("note", message);
}

fn line(kind: &str, message: &str) {
    let message: String = message.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    // When stderr is gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "highwater: {kind}: {message}");
}
