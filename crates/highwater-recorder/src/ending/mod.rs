//! The end of the process, for what is to be written before it: by `exit`, or by a signal that asks for it.
//!
//! A signal handler may hit any instruction, so ours only writes a byte to a pipe, at whose other end a
//! thread waits ([`next_signal`]). That thread does what is to be done and then ends the process as the
//! signal would have ([`end_by`]), so that a process that waits for this one sees what ended it. A handler
//! that the program had set before is called as if ours were not there, and what becomes of the process is
//! then the program's to decide.

use core::ffi::{c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};

/// The signals that ask a process to end: from a terminal, from a service manager, and from a terminal that
/// is gone.
const SIGNALS: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// What is known of one of them.
struct Signal {
    /// What the program had set before: a handler, or 0 for none.
    handler: AtomicUsize,
    /// Whether that handler takes three arguments.
    takes_info: AtomicBool,
    /// It came, and the process is to end by it.
    has_come: AtomicBool,
}

static STATE: [Signal; SIGNALS.len()] = [const {
    Signal {
        handler: AtomicUsize::new(0),
        takes_info: AtomicBool::new(false),
        has_come: AtomicBool::new(false),
    }
}; SIGNALS.len()];

/// The process that has the thread, and the ends of the pipe in it.
static PROCESS: AtomicI32 = AtomicI32::new(0);
static READ_END: AtomicI32 = AtomicI32::new(-1);
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// Functions of the program as addresses, so that they can be kept in atomics: one for each crate that has
/// work at the exit.
static AT_EXIT: [AtomicPtr<c_void>; 4] = [const { AtomicPtr::new(ptr::null_mut()) }; 4];

/// A signal that asks for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndSignal(c_int);

impl EndSignal {
    /// Whether the program has a handler of its own for it, which decides what becomes of the process.
    pub fn is_handled(self) -> bool {
        state(self.0).is_some_and(|it| it.handler.load(Ordering::Acquire) != 0)
    }
}

/// Calls `work` when the process ends by `exit` or by a return from `main`, also if that is in a child of a
/// fork. Each function is called once, in the order in which they were given, and all but the last calls of
/// other handlers come behind them. There is space for four functions; false when it is used up.
///
/// `work` must not unwind.
pub fn at_exit(work: fn()) -> bool {
    extern "C" fn call() {
        for slot in &AT_EXIT {
            let work = slot.load(Ordering::Acquire);
            if !work.is_null() {
                // SAFETY: the address is a function's of this type, stored below.
                unsafe { mem::transmute::<*mut c_void, fn()>(work)() };
            }
        }
    }
    let address = work as *mut c_void;
    for (index, slot) in AT_EXIT.iter().enumerate() {
        match slot.compare_exchange(ptr::null_mut(), address, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                if index == 0 {
                    // SAFETY: the handler is a function of the program, or of a library that stays loaded.
                    unsafe { libc::atexit(call) };
                }
                return true;
            }
            Err(there) if there == address => return true,
            Err(_) => {}
        }
    }
    false
}

/// Has [`next_signal`] report the signals that ask for the end. One that the program ignores, as under
/// `nohup`, stays ignored. False when the system does not allow it. To be called by one thread at a time; a
/// further call takes up signals that have become the system's own again.
pub fn catch_end_signals() -> bool {
    let process = this_process();
    if PROCESS.load(Ordering::Acquire) != process {
        let mut ends = [0; 2];
        // SAFETY: there is space for both ends.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
            return false;
        }
        for end in ends {
            // SAFETY: the descriptor is one of the pipe's.
            unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        // A handler must not wait when nobody reads.
        // SAFETY: as above.
        unsafe { libc::fcntl(ends[1], libc::F_SETFL, libc::O_NONBLOCK) };
        // What a child of a fork has of its parent's pipe is of no use to it.
        for end in
            [&READ_END, &WRITE_END].map(|it| it.load(Ordering::Acquire)).into_iter().filter(|it| *it >= 0)
        {
            // SAFETY: it is an end of the pipe that this function made in the parent, and nobody else's.
            unsafe { libc::close(end) };
        }
        READ_END.store(ends[0], Ordering::Release);
        WRITE_END.store(ends[1], Ordering::Release);
        PROCESS.store(process, Ordering::Release);
        // A signal that its parent had to end by is not the child's.
        STATE.iter().for_each(|it| it.has_come.store(false, Ordering::Release));
    }
    SIGNALS.iter().zip(&STATE).all(|(&signal, state)| catch(signal, state))
}

fn catch(signal: c_int, state: &Signal) -> bool {
    let ours: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    // SAFETY: zeroes are a valid action, there is space for the result, and nothing is changed.
    let (failed, before) = unsafe {
        let mut before: libc::sigaction = mem::zeroed();
        (libc::sigaction(signal, ptr::null(), &mut before) != 0, before)
    };
    if failed {
        return false;
    }
    match before.sa_sigaction {
        libc::SIG_IGN => return true,
        it if it == ours as usize => return true,
        libc::SIG_DFL => state.handler.store(0, Ordering::Release),
        handler => {
            state.takes_info.store(before.sa_flags & libc::SA_SIGINFO != 0, Ordering::Release);
            state.handler.store(handler, Ordering::Release);
        }
    }
    let mut action = before;
    action.sa_sigaction = ours as usize;
    // The program's own handler is called with the mask and on the stack that it asked for.
    action.sa_flags = (before.sa_flags | libc::SA_SIGINFO) & !libc::SA_RESETHAND;
    if before.sa_sigaction == libc::SIG_DFL {
        action.sa_flags |= libc::SA_RESTART;
    }
    // SAFETY: the action is valid; its handler has the type that SA_SIGINFO asks for and may hit any
    // instruction.
    unsafe { libc::sigaction(signal, &action, ptr::null_mut()) == 0 }
}

/// Waits for the next signal that asks for the end. `None` when signals are not caught in this process.
pub fn next_signal() -> Option<EndSignal> {
    if PROCESS.load(Ordering::Acquire) != this_process() {
        return None;
    }
    loop {
        let mut byte = 0_u8;
        // SAFETY: there is space for the one byte.
        let length = unsafe { libc::read(READ_END.load(Ordering::Acquire), (&raw mut byte).cast(), 1) };
        if length == 1 {
            return Some(EndSignal(byte.into()));
        }
        if length == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return None;
        }
    }
}

/// Ends the process as the signal would have without our handler. Returns if the program has another one by
/// now.
pub fn end_by(signal: EndSignal) {
    if signal.is_handled() {
        return;
    }
    end(signal.0);
}

/// Gives a signal its own action back, and sends it to the calling thread.
fn end(signal: c_int) {
    // SAFETY: all of it may be done at any time, in a signal handler too; zeroes are a valid set of signals.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut only: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut only);
        libc::sigaddset(&mut only, signal);
        libc::raise(signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, ptr::null_mut());
    }
}

fn state(signal: c_int) -> Option<&'static Signal> {
    SIGNALS.iter().position(|it| *it == signal).map(|at| &STATE[at])
}

fn this_process() -> libc::pid_t {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::getpid() }
}

/// The handler: see [the module](self).
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(state) = state(signal) else { return };
    let handler = state.handler.load(Ordering::Acquire);
    let tell = || {
        let byte = signal as u8;
        // SAFETY: the pointer and the length are a byte's.
        unsafe { libc::write(WRITE_END.load(Ordering::Acquire), (&raw const byte).cast(), 1) == 1 }
    };
    // A child of a fork has the pipe, but not the thread; a byte from it would end its parent.
    let has_thread = PROCESS.load(Ordering::Acquire) == this_process();
    if handler != 0 {
        if has_thread {
            let error_before = std::io::Error::last_os_error().raw_os_error();
            tell();
            restore(error_before);
        }
        // SAFETY: the system had this address as the handler of the signal, of one of the two types as its
        // flags said.
        unsafe {
            if state.takes_info.load(Ordering::Acquire) {
                type Informed = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                mem::transmute::<usize, Informed>(handler)(signal, info, context);
            } else {
                mem::transmute::<usize, extern "C" fn(c_int)>(handler)(signal);
            }
        }
        return;
    }
    let error_before = std::io::Error::last_os_error().raw_os_error();
    // A second signal ends the process at once.
    if state.has_come.swap(true, Ordering::AcqRel) || !has_thread || !tell() {
        end(signal);
    }
    restore(error_before);
}

/// Puts the calling thread's error number back, for the code that a handler has interrupted.
fn restore(error: Option<i32>) {
    #[cfg(target_os = "linux")]
    // SAFETY: the C library has one for each thread.
    unsafe {
        libc::__errno_location().write(error.unwrap_or(0));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = error;
}
