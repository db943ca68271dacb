//! Takes the terminal over while a screen is shown, and always restores it.

use std::io::{self, BufWriter, Stdout};
use std::mem::ManuallyDrop;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Timeout for restoring the terminal when the process ends without its drawing thread.
const MOMENT: Duration = Duration::from_millis(100);

/// Whether this program controls the terminal now.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it shows a screen. Dropping this restores the terminal.
pub(crate) struct Screen {
    /// Not dropped: `Terminal::drop` would show the cursor itself, and panic when neither stdout nor stderr
    /// can be written to.
    pub(crate) terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Takes the terminal over. From now on, a panic of this thread restores the terminal before its message
    /// is printed. A panic of another thread prints nothing; the code that catches it reports it.
    ///
    /// # Errors
    /// When the terminal cannot be taken over; it is then restored.
    pub(crate) fn take() -> io::Result<Self> {
        let (drawing, tell) = (thread::current().id(), panic::take_hook());
        panic::set_hook(Box::new(move |fault: &PanicHookInfo<'_>| {
            if thread::current().id() == drawing {
                give_back();
                tell(fault);
            }
        }));
        IS_TAKEN.store(true, Ordering::Release);
        let taken = enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen));
        let terminal =
            taken.and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stdout()))));
        let screen = terminal.map(|terminal| Self { terminal: ManuallyDrop::new(terminal) });
        screen.inspect_err(|_| give_back())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Restores the terminal; at most once.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::AcqRel) {
        // If this fails, the terminal is closed.
        let _ = disable_raw_mode();
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    }
}

/// [`give_back`] for a terminal that may accept no output; waits at most [`MOMENT`].
pub(crate) fn give_back_if_possible() {
    thread::spawn(give_back);
    thread::sleep(MOMENT);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Set in the child process that has to panic.
    const ON_PURPOSE: &str = "HIGHWATER_TEST_PANIC";

    /// Does nothing unless the test below runs it in a process and a terminal of its own.
    #[test]
    fn panics_on_purpose() {
        if std::env::var_os(ON_PURPOSE).is_none() {
            return;
        }
        let _screen = Screen::take().unwrap();
        let other = thread::spawn(|| panic!("of another thread"));
        assert!(other.join().is_err());
        assert!(IS_TAKEN.load(Ordering::Acquire), "the other thread gave it back");
        panic!("of this thread");
    }

    #[test]
    fn a_panic_restores_the_terminal_before_its_message() {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "live::terminal::tests::panics_on_purpose", "--nocapture"]);
        command.env(ON_PURPOSE, "1");
        let mut output = pair.master.try_clone_reader().unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut text = Vec::new();
        // The other end closes when the process ends. Some systems report that as an error.
        let _ = output.read_to_end(&mut text);
        assert!(!child.wait().unwrap().success());
        let text = String::from_utf8_lossy(&text);
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in {text:?}"));
        let order = [at("\u{1b}[?1049h"), at("\u{1b}[?1049l"), at("\u{1b}[?25h"), at("of this thread")];
        assert!(order.is_sorted(), "{text:?}");
        assert!(!text.contains("of another thread"), "{text:?}");
    }
}
