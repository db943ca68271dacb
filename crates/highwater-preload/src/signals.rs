//! The signals that ask a process to end: the profile is written before it ends by them.
//!
//! The program does not see that there is a handler. The functions that return handlers say that there is
//! none. A handler of the program replaces the one of this library.
//!
//! The handler writes the profile itself. It can, because nothing that it needs is the program's: its memory
//! is from another allocator, and the recorder waits for no lock that the interrupted code may hold. There is
//! no thread that waits for signals: a program with one thread may do what one with two may not.

use core::ffi::{c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

use crate::control;
use crate::output::{self, Refused};
use crate::real::{Handler, Real};

/// The signals: from a terminal, from a service manager, from a terminal that is gone, and from a failed
/// assertion.
const SIGNALS: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGABRT];

/// A signal that came while its thread was writing; 0 for none.
static PENDING: AtomicI32 = AtomicI32::new(0);

/// Takes up the signals at whose default action the program is.
pub(crate) fn start() {
    for signal in SIGNALS {
        if current(signal).is_some_and(|it| it.sa_sigaction == libc::SIG_DFL) {
            install(signal);
        }
    }
}

fn ours() -> libc::sighandler_t {
    handle as extern "C" fn(c_int) as libc::sighandler_t
}

/// Whether the signal would have the profile written.
pub(crate) fn is_caught(signal: c_int) -> bool {
    current(signal).is_some_and(|it| it.sa_sigaction == ours())
}

fn is_watched(signal: c_int) -> bool {
    SIGNALS.contains(&signal)
}

type SigAction = unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;

/// The C library's `sigaction`.
fn real() -> SigAction {
    static REAL: Real = Real::new();
    // SAFETY: the function of this name has this type.
    unsafe { mem::transmute::<*mut c_void, SigAction>(REAL.find(c"sigaction")) }
}

fn current(signal: c_int) -> Option<libc::sigaction> {
    // SAFETY: zeroes are a valid action, there is space for the result, and nothing is changed.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        (real()(signal, ptr::null(), &mut action) == 0).then_some(action)
    }
}

fn install(signal: c_int) {
    // SAFETY: zeroes are a valid action; the handler has the type that the flags ask for.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = ours();
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        real()(signal, &action, ptr::null_mut());
    }
}

extern "C" fn handle(signal: c_int) {
    let handler = Handler::begin();
    let written = output::write();
    if written == Err(Refused::Here) {
        // The thread ends by the signal when it has written.
        PENDING.store(signal, Ordering::Release);
        return;
    }
    end_by(signal);
    drop(handler);
}

/// Ends the process by a signal that came while the calling thread was writing.
pub(crate) fn end_by_pending() {
    let signal = PENDING.swap(0, Ordering::AcqRel);
    if signal != 0 {
        end_by(signal);
    }
}

/// Ends the process as the signal would have without our handler.
fn end_by(signal: c_int) {
    control::end();
    // SAFETY: all of it may be done in a signal handler; zeroes are a valid action and a valid set of
    // signals.
    unsafe {
        let action: libc::sigaction = mem::zeroed();
        real()(signal, &action, ptr::null_mut());
        libc::raise(signal);
        let mut only: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut only);
        libc::sigaddset(&mut only, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, ptr::null_mut());
    }
    // The first process of a container is not ended by it.
    install(signal);
}

/// Blocks all signals in the calling thread. Returns what was blocked.
pub(crate) fn block_all() -> libc::sigset_t {
    // SAFETY: zeroes are a valid set of signals, and there is space for the result.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (mem::zeroed(), mem::zeroed());
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    }
}

/// Has these signals, and no others, blocked in the calling thread.
pub(crate) fn set_mask(mask: libc::sigset_t) {
    // SAFETY: the set is a valid one.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, ptr::null_mut()) };
}

/// Does work of this library in which no signal may interrupt the calling thread: the handler needs the same
/// allocator.
pub(crate) fn undisturbed<R>(work: impl FnOnce() -> R) -> R {
    let before = block_all();
    let result = work();
    set_mask(before);
    result
}

/// POSIX's `sigaction`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn sigaction(
    signal: c_int,
    action: *const libc::sigaction,
    before: *mut libc::sigaction,
) -> c_int {
    // Read first: both may be the same place.
    // SAFETY: the caller promises that it is null or an action.
    let is_default = unsafe { action.as_ref() }.is_some_and(|it| it.sa_sigaction == libc::SIG_DFL);
    // SAFETY: the caller's promise.
    unsafe {
        let had_ours = is_watched(signal) && is_caught(signal);
        let result = real()(signal, action, before);
        if result == 0
            && had_ours
            && let Some(before) = before.as_mut()
        {
            *before = mem::zeroed();
        }
        if result == 0
            && is_default
            && is_watched(signal)
            && crate::process::role() != crate::process::Role::None
        {
            install(signal);
        }
        result
    }
}

/// glibc's other name of `sigaction`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn __sigaction(
    signal: c_int,
    action: *const libc::sigaction,
    before: *mut libc::sigaction,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { sigaction(signal, action, before) }
}

/// What a function says that takes a handler and returns the one before.
fn exchange(
    name: &core::ffi::CStr,
    real: &Real,
    signal: c_int,
    handler: libc::sighandler_t,
) -> libc::sighandler_t {
    type Exchange = extern "C" fn(c_int, libc::sighandler_t) -> libc::sighandler_t;
    // SAFETY: the functions of these names have this type.
    let real = unsafe { mem::transmute::<*mut c_void, Exchange>(real.find(name)) };
    let before = real(signal, handler);
    if before == libc::SIG_ERR || !is_watched(signal) {
        return before;
    }
    if handler == libc::SIG_DFL && crate::process::role() != crate::process::Role::None {
        install(signal);
    }
    if before == ours() { libc::SIG_DFL } else { before }
}

macro_rules! exchanging {
    ($($name:ident)*) => {$(
        /// The C library's function of this name: sets a signal's handler and returns the one before.
        #[cfg_attr(not(test), unsafe(no_mangle))]
        pub extern "C" fn $name(signal: c_int, handler: libc::sighandler_t) -> libc::sighandler_t {
            static REAL: Real = Real::new();
            const NAME: &core::ffi::CStr =
                match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                };
            exchange(NAME, &REAL, signal, handler)
        }
    )*};
}

exchanging!(signal bsd_signal ssignal sysv_signal __sysv_signal sigset);
