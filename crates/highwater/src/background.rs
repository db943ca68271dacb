//! A background thread of Highwater. The child of a fork knows that it does not have the thread.

use std::mem;
use std::process;
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Pause between two checks of [`Background::join_within`].
const GLANCE: Duration = Duration::from_millis(2);

/// A thread that the process that started it can wait for. The child of a fork has the value, but not the
/// thread: there it can be neither joined nor detached, because both would read memory of a thread that does
/// not exist.
#[derive(Debug)]
#[doc(hidden)]
pub struct Background {
    process: u32,
    /// `None` after a join, or if the thread belongs to another process.
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Takes a thread of this process.
    pub fn new(thread: JoinHandle<()>) -> Self {
        Self { process: process::id(), thread: Some(thread) }
    }

    /// Whether this process started the thread, and is not a child of that process.
    pub fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// The thread, if it belongs to this process.
    pub fn thread(&self) -> Option<&Thread> {
        self.thread.as_ref().filter(|_| self.is_here()).map(JoinHandle::thread)
    }

    /// Waits for the thread to end, if it belongs to this process.
    pub fn join(mut self) {
        if let Some(thread) = self.take() {
            // The thread ends by itself. The message of a panic is already on standard error.
            let _ = thread.join();
        }
    }

    /// Like [`Self::join`], for at most `time`. False if the thread is still running.
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
