//! A thread of Highwater's own, which a child of a fork knows not to have.

use std::mem;
use std::process;
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How often [`Background::join_within`] looks.
const GLANCE: Duration = Duration::from_millis(2);

/// A thread that the process which started it can wait for. A child of a fork has the value, but not the thread: there it can
/// neither be joined nor given up, both of which would read memory of a thread that is no more.
#[derive(Debug)]
#[doc(hidden)]
pub struct Background {
    process: u32,
    /// `None` when it was joined, or is not this process's.
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// The thread is one of this process.
    pub fn new(thread: JoinHandle<()>) -> Self {
        Self { process: process::id(), thread: Some(thread) }
    }

    /// Whether this process is the one that has the thread, and not a child of it.
    pub fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// The thread, if it is this process's.
    pub fn thread(&self) -> Option<&Thread> {
        self.thread.as_ref().filter(|_| self.is_here()).map(JoinHandle::thread)
    }

    /// Waits for the thread to end, unless it is another process's.
    pub fn join(mut self) {
        if let Some(thread) = self.take() {
            // It ends by itself; that it panicked is already on standard error.
            let _ = thread.join();
        }
    }

    /// [`Self::join`] for at most so long. False when the thread goes on.
    pub fn join_within(mut self, time: Duration) -> bool {
        let begin = Instant::now();
        while self.thread.as_ref().is_some_and(|it| self.is_here() && !it.is_finished()) {
            if begin.elapsed() >= time {
                return false;
            }
            std::thread::sleep(GLANCE);
        }
        drop(self.take());
        true
    }

    fn take(&mut self) -> Option<JoinHandle<()>> {
        let thread = self.thread.take();
        if self.is_here() {
            return thread;
        }
        mem::forget(thread);
        None
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.take());
    }
}
