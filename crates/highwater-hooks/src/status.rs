//! Whether the hooks work in this process, found out by trying.

use std::fmt;
use std::sync::OnceLock;

use crate::scope::Scope;

/// Why the hooks do not work here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// Not Linux with glibc.
    Platform,
    /// Linux with glibc linked statically: there is no other `pthread_create` behind ours.
    Static,
    /// Miri, which runs no code of the C library's.
    Interpreter,
    /// A sanitizer is linked in, which stands in front of the same functions and needs to be asked first.
    Sanitizer,
    /// There is no function behind ours.
    NoNext,
    /// A thread was started and the hooks did not see it: something else stands in front of them.
    Bypassed,
    /// A thread was started and ended, and its end was not seen.
    EndUnseen,
}

impl Unsupported {
    /// Whether this is known from how the program was built: there is nothing that could be mended in this
    /// run.
    pub fn is_by_design(self) -> bool {
        matches!(self, Self::Platform | Self::Static | Self::Interpreter | Self::Sanitizer)
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => {
                "threads can be followed on Linux with glibc only, and this is another platform"
            }
            Self::Static => {
                "glibc is linked statically, and threads can be followed with a dynamically linked one only; leave \
                 `-C target-feature=+crt-static` out for tests"
            }
            Self::Interpreter => "Miri runs these tests, and has no C library to follow threads in",
            Self::Sanitizer => {
                "a sanitizer is linked in, which stands in front of the same functions; run these tests also without it"
            }
            Self::NoNext => "the C library's pthread_create cannot be found",
            Self::Bypassed => {
                "a thread was started past the hooks: another library stands in front of pthread_create"
            }
            Self::EndUnseen => "a thread ended unseen: the C library does not run the key destructors of threads",
        })
    }
}

/// Tries the hooks with a thread, once in a process: its start must be seen, and its end.
///
/// # Errors
/// When they do not work, with the reason.
pub fn status() -> Result<(), Unsupported> {
    static STATUS: OnceLock<Result<(), Unsupported>> = OnceLock::new();
    *STATUS.get_or_init(find)
}

#[cfg(not(hooked))]
fn find() -> Result<(), Unsupported> {
    Err(if cfg!(miri) {
        Unsupported::Interpreter
    } else if cfg!(sanitized) {
        Unsupported::Sanitizer
    } else if cfg!(glibc) {
        Unsupported::Static
    } else {
        Unsupported::Platform
    })
}

/// Whether descriptors are seen to be opened and closed, found out by trying, once in a process.
pub fn sees_descriptors() -> bool {
    static SEES: OnceLock<bool> = OnceLock::new();
    *SEES.get_or_init(|| {
        if !cfg!(hooked) {
            return false;
        }
        let scope = Scope::new();
        let entered = scope.enter();
        let plant = std::fs::File::open("/dev/null");
        drop(entered);
        // A process that may not open anything has nothing to leave.
        let Ok(plant) = plant else { return true };
        let is_seen = scope.live_descriptors() == 1;
        drop(plant);
        is_seen && scope.live_descriptors() == 0
    })
}

#[cfg(hooked)]
fn find() -> Result<(), Unsupported> {
    use std::sync::mpsc;
    use std::thread;

    // What each of the sanitizers calls its own start.
    for name in [c"__asan_init", c"__tsan_init", c"__msan_init", c"__hwasan_init"] {
        // SAFETY: the name ends with a zero.
        if !unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.is_null() {
            return Err(Unsupported::Sanitizer);
        }
    }
    if !crate::create::has_next() {
        return Err(Unsupported::NoNext);
    }
    let scope = Scope::new();
    let entered = scope.enter();
    let (release, wait) = mpsc::channel::<()>();
    // The plant: a thread that runs until it is released.
    let thread = thread::Builder::new().spawn(move || {
        let _ = wait.recv();
    });
    drop(entered);
    // A process that may not start threads has none to leave.
    let Ok(thread) = thread else { return Ok(()) };
    let seen = scope.live() == 1 && crate::create::was_passed();
    drop(release);
    let _ = thread.join();
    match (seen, scope.live()) {
        (false, _) => Err(Unsupported::Bypassed),
        (true, 0) => Ok(()),
        (true, _) => Err(Unsupported::EndUnseen),
    }
}
