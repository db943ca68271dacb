//! When to end: on a signal, when nobody reads the output any more, or when the time is up.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::ignored::is_ignored;
use crate::reader::Readers;

/// Longest delay before a signal is noticed.
const GLANCE: Duration = Duration::from_millis(50);

/// Time for the process to end by itself. It ends within a second in any case.
const GRACE: Duration = Duration::from_millis(700);

/// Knows whether the end was requested.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Ends a watch: on Ctrl-C, on a service manager's signal, when stdout has no reader any more, or after a
    /// time. SIGHUP ends it too, unless SIGHUP was ignored when the program started (`nohup`).
    ///
    /// If the process has not ended shortly after the request, this calls `last` and exits: the current work
    /// may take long, and a terminal or a pipe may accept no more output.
    ///
    /// # Errors
    /// When the system does not allow signal handlers or threads.
    pub(crate) fn of_watch(
        after: Option<Duration>,
        last: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        // A deadline beyond the range of `Instant` never comes.
        let deadline = after.and_then(|it| Instant::now().checked_add(it));
        // Where the system does not say, a watch rather goes on.
        let hangup = !is_ignored(SIGHUP).unwrap_or(true);
        Self::listen(hangup, deadline, Readers::of_output(), last)
    }

    /// Ends a screen: like [`Stop::of_watch`], but on every SIGHUP, and when the terminal of the keyboard is
    /// gone.
    ///
    /// # Errors
    /// When the system does not allow signal handlers or threads.
    pub(crate) fn of_screen(last: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        Self::listen(true, None, Readers::of_screen(), last)
    }

    fn listen(
        hangup: bool,
        deadline: Option<Instant>,
        readers: Readers,
        last: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        flag::register(SIGINT, Arc::clone(&asked))?;
        flag::register(SIGTERM, Arc::clone(&asked))?;
        #[cfg(unix)]
        if hangup {
            flag::register(SIGHUP, Arc::clone(&asked))?;
        }
        let stop = Self { asked, deadline };
        let watched = stop.clone();
        // The thread that draws or watches may be blocked by the very terminal that is gone.
        thread::Builder::new().name("highwater-end".to_owned()).spawn(move || {
            while !watched.is_asked() {
                if readers.are_gone() {
                    watched.asked.store(true, Ordering::Release);
                } else {
                    thread::sleep(GLANCE);
                }
            }
            thread::sleep(GRACE);
            last();
            process::exit(0);
        })?;
        Ok(stop)
    }

    /// Whether the end was requested.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether the time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|it| it <= Instant::now())
    }

    /// Waits until `moment`; false if the end came first. Calls `look` repeatedly meanwhile.
    pub(crate) fn wait_until(&self, moment: Instant, mut look: impl FnMut()) -> bool {
        loop {
            if self.is_asked() || self.is_late() {
                return false;
            }
            let rest = moment.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return true;
            }
            look();
            thread::sleep(rest.min(GLANCE));
        }
    }
}
