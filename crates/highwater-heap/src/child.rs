//! A copy of this process that looks at memory that stands still.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// Memory that a process shares with its child.
pub(crate) struct Shared {
    start: NonNull<u8>,
    bytes: usize,
}

impl Shared {
    /// Zeroed memory.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn new(bytes: usize) -> io::Result<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes.max(1), access, flags, -1, 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => {
                Ok(Self { start, bytes: bytes.max(1) })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// A place in the memory.
    ///
    /// # Safety
    /// A `T` fits there, aligned.
    pub(crate) unsafe fn at<T>(&self, offset: usize) -> NonNull<T> {
        // SAFETY: the caller promises that the place is inside.
        unsafe { self.start.add(offset).cast() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// A child that runs.
pub(crate) struct Child {
    process: libc::pid_t,
}

impl Child {
    /// Copies this process, and runs `work` in the copy, which ends after that.
    ///
    /// The copy has no handlers of forks, and its end sends no signal: the program's own handlers and its
    /// `wait` do not see it. `work` must neither allocate nor take a lock.
    ///
    /// # Errors
    /// When the system makes no copy.
    pub(crate) fn run(work: impl FnOnce()) -> io::Result<Self> {
        // SAFETY: both sets are written before they are read. The signals are blocked for the copy, in which
        // no handler of the program may run.
        let signals = unsafe {
            let mut all = std::mem::zeroed();
            let mut before = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            before
        };
        // SAFETY: without flags this is a fork that bypasses the C library: no stack is given, so the child
        // goes on here on its copy of this one.
        let process = unsafe { libc::syscall(libc::SYS_clone, 0_usize, 0_usize, 0_usize, 0_usize, 0_usize) };
        if process == 0 {
            // SAFETY: these calls change the child alone. A fault in it ends it, without a file of its
            // memory.
            unsafe {
                libc::signal(libc::SIGSEGV, libc::SIG_DFL);
                libc::signal(libc::SIGBUS, libc::SIG_DFL);
                libc::prctl(libc::PR_SET_DUMPABLE, 0_usize, 0_usize, 0_usize, 0_usize);
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize, 0_usize, 0_usize, 0_usize);
            }
            // A panic must not go on with the program's own code in the copy.
            let outcome = catch_unwind(AssertUnwindSafe(work));
            // SAFETY: ends the child without handlers of exits.
            unsafe { libc::_exit(i32::from(outcome.is_err())) };
        }
        // SAFETY: the set is the one that was in force.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const signals, ptr::null_mut()) };
        if process < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { process: process as libc::pid_t })
    }

    /// Waits until it has ended, and ends it when that takes too long.
    ///
    /// # Errors
    /// When it had to be ended.
    pub(crate) fn wait(self, patience: Duration) -> io::Result<()> {
        let begin = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            // SAFETY: the status is not asked for.
            let ended = unsafe { libc::waitpid(self.process, ptr::null_mut(), libc::__WALL | libc::WNOHANG) };
            if ended != 0 {
                return Ok(());
            }
            if begin.elapsed() > patience {
                // SAFETY: the process is a child of this one that has not been waited for, so the number is
                // its.
                unsafe {
                    libc::kill(self.process, libc::SIGKILL);
                    libc::waitpid(self.process, ptr::null_mut(), libc::__WALL);
                }
                return Err(io::Error::other(
                    "the copy of the process that looked at the heap took too long",
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}
