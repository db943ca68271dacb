//! When to end: Ctrl-C, or the time that was given.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// How long Ctrl-C may go unnoticed.
const GLANCE: Duration = Duration::from_millis(50);

/// Knows when the watch is to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Listens to Ctrl-C and to a service manager. Whoever asks twice is not kept waiting.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn listen(after: Option<Duration>) -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        // A time too far away to be counted never comes.
        Ok(Self { asked, deadline: after.and_then(|it| Instant::now().checked_add(it)) })
    }

    /// As [`Stop::listen`] for who has a terminal to set right before the end: whoever asks twice waits as long as who asks
    /// once, and a terminal that is gone asks, too.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn listen_patiently() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let signals = [
            SIGINT,
            SIGTERM,
            #[cfg(unix)]
            SIGHUP,
        ];
        for signal in signals {
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self { asked, deadline: None })
    }

    /// Whether somebody asked for the end.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether the time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|it| it <= Instant::now())
    }

    /// Waits until `moment`; false when the end came first. `look` is called now and then.
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
