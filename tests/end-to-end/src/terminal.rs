//! Programs in a terminal: tests press keys, and read the screen as a person would see it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{Cell, Color, Parser};

/// Far longer than anything takes: after this time, the event will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a program, which is killed when this is dropped.
pub struct Terminal {
    /// The window and the keyboard; `None` after closing.
    window: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<Parser>>,
    /// While this is false, the program's output is read.
    is_blind: Arc<AtomicBool>,
    eyes: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Runs a program with these arguments and variables in a terminal of this many columns and lines.
    ///
    /// # Panics
    /// When no terminal is available.
    pub fn run(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        (columns, lines): (u16, u16),
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, lines)).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for name in
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "HIGHWATER_TOKEN", "HIGHWATER_CA_FILE"]
        {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        command.cwd(std::env::current_dir().expect("a directory to be in"));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("what the program writes");
        let keys = pair.master.take_writer().expect("keys");
        let parser = Arc::new(Mutex::new(Parser::new(positive(lines), positive(columns), 1000)));
        let is_blind = Arc::new(AtomicBool::new(false));
        let (screen, ends) = (Arc::clone(&parser), Arc::clone(&is_blind));
        let eyes = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                lock(&screen).process(&bytes[..read]);
                if ends.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        Self { window: Some((pair.master, keys)), child, parser, is_blind, eyes: Some(eyes) }
    }

    /// Presses keys by sending these characters.
    ///
    /// # Panics
    /// When the terminal does not accept them.
    pub fn press(&mut self, keys: &str) {
        let (_, keyboard) = self.window.as_mut().expect("an open terminal");
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).expect("keys are taken");
    }

    /// Stops reading the program's output, like a window that hangs. The key must make the program write
    /// something.
    ///
    /// # Panics
    /// When the terminal does not accept the key.
    pub fn hang(&mut self, key: &str) {
        self.is_blind.store(true, Ordering::Relaxed);
        self.press(key);
        // The thread returns nothing.
        let _ = self.eyes.take().map(JoinHandle::join);
    }

    /// Closes the terminal; the program may continue without it. The key must make the program write
    /// something.
    ///
    /// # Panics
    /// When the terminal does not accept the key.
    pub fn close(&mut self, key: &str) {
        self.hang(key);
        self.window = None;
    }

    /// The id of the process in the terminal.
    ///
    /// # Panics
    /// When the process has ended and was waited for.
    pub fn process(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Changes the size of the terminal.
    ///
    /// # Panics
    /// When the size cannot be changed.
    pub fn resize(&mut self, columns: u16, lines: u16) {
        lock(&self.parser).set_size(positive(lines), positive(columns));
        let (master, _) = self.window.as_ref().expect("an open terminal");
        master.resize(size(columns, lines)).expect("another size");
    }

    /// The text on the screen, line by line.
    pub fn text(&self) -> String {
        lock(&self.parser).screen().contents()
    }

    /// Waits until the screen satisfies `is_so`, and returns its text.
    ///
    /// # Panics
    /// When that does not happen in time.
    #[track_caller]
    pub fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}:\n{text}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// [`Self::wait`] for a text.
    ///
    /// # Panics
    /// When the text does not appear in time.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(text, |it| it.contains(text))
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    /// When the program does not end in time.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the terminal shows a full-screen program instead of the lines written before.
    pub fn is_taken(&self) -> bool {
        lock(&self.parser).screen().alternate_screen()
    }

    /// Whether the cursor is hidden.
    pub fn hides_cursor(&self) -> bool {
        lock(&self.parser).screen().hide_cursor()
    }

    /// Whether any character is coloured.
    pub fn has_colours(&self) -> bool {
        let parser = lock(&self.parser);
        let (lines, columns) = parser.screen().size();
        let cells = (0..lines.get()).flat_map(|line| (0..columns.get()).map(move |column| (line, column)));
        let cells = cells.filter_map(|(line, column)| parser.screen().cell(line, column));
        cells.into_iter().any(|it| it.fgcolor() != Color::Default || it.bgcolor() != Color::Default)
    }

    /// The screen as an HTML page.
    pub fn page(&self) -> String {
        let parser = lock(&self.parser);
        let screen = parser.screen();
        let (lines, columns) = screen.size();
        let mut page = String::from(
            "<!doctype html><meta charset=utf-8><style>body{margin:0;padding:14px;background:#16181d}\
             pre{margin:0;font:15px/17px 'DejaVu Sans Mono','Liberation Mono',monospace;color:#d6dae0}</style><pre>",
        );
        for line in 0..lines.get() {
            let mut last = String::new();
            for cell in (0..columns.get()).filter_map(|column| screen.cell(line, column)) {
                let look = look(cell);
                if look != last {
                    let close = if last.is_empty() { "" } else { "</span>" };
                    // Writing to a string cannot fail.
                    let _ = write!(page, "{close}<span style='{look}'>");
                    last = look;
                }
                page.push_str(match cell.contents() {
                    "" => " ",
                    "&" => "&amp;",
                    "<" => "&lt;",
                    other => other,
                });
            }
            page.push_str("</span>\n");
        }
        page + "</pre>"
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(parser: &Mutex<Parser>) -> MutexGuard<'_, Parser> {
    parser.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(columns: u16, lines: u16) -> PtySize {
    PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn positive(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has lines and columns")
}

/// The style of a character as CSS. Only inverse characters have a background, because a background would
/// cover parts of the line above.
fn look(cell: &Cell) -> String {
    let (colour, ground) = (css(cell.fgcolor(), "#d6dae0"), css(cell.bgcolor(), "#16181d"));
    let colours = if cell.inverse() {
        format!("color:{ground};background:{colour}")
    } else {
        format!("color:{colour}")
    };
    let weight = if cell.bold() { ";font-weight:bold" } else { "" };
    let faint = if cell.dim() { ";opacity:.62" } else { "" };
    colours + weight + faint
}

fn css(colour: Color, default: &'static str) -> &'static str {
    match colour {
        Color::Idx(1 | 9) => "#ff7b72",
        Color::Idx(2 | 10) => "#7ee787",
        Color::Idx(3 | 11) => "#f2cc60",
        Color::Idx(6 | 14) => "#56b6c2",
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Terminal {
        Terminal::run(Path::new("sh"), &["-c", script], &[], (40, 5))
    }

    #[test]
    fn a_program_sees_keys_and_a_size() {
        let mut terminal = shell("stty size; read line; echo \"got $line\"; exit 3");
        terminal.wait_for("5 40");
        terminal.press("word\r");
        terminal.wait_for("got word");
        assert_eq!(terminal.end().exit_code(), 3);
        assert!(!terminal.has_colours() && !terminal.is_taken());
    }

    #[test]
    fn screens_and_colours_are_seen() {
        let terminal = shell("printf '\\033[?1049h\\033[31ma<b\\033[0m'; read line");
        terminal.wait_for("a<b");
        assert!(terminal.has_colours() && terminal.is_taken());
        assert!(terminal.page().contains("color:#ff7b72"), "{}", terminal.page());
        assert!(terminal.page().contains("&lt;"));
    }
}
