//! The terminal, taken over for the time of a screen and given back whatever happens.

use std::io::{self, BufWriter, Stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is ours now.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it shows a screen. It is given back when this is dropped.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over. From now on a panic of this thread gives it back before it is told of; one of another thread is
    /// for whoever catches it to tell.
    ///
    /// # Errors
    /// When the terminal does not allow it; then it is as it was.
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
        terminal.map(|terminal| Self { terminal }).inspect_err(|_| give_back())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was; at most once.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::AcqRel) {
        // Where that fails there is no terminal any more.
        let _ = disable_raw_mode();
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    }
}
