//! The timer and the signal: what is set up, put back, and done when it comes.

use core::ffi::{c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::Ordering;
use core::time::Duration;

use highwater_unwind::Stack;

use crate::current::{CURRENT, IN_HANDLERS};
use crate::log::MAX_FRAMES;

/// What the signal did before.
pub(crate) struct Before(libc::sigaction);

impl core::fmt::Debug for Before {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Before").field(&self.0.sa_sigaction).finish()
    }
}

/// What the signal does now. `None` when another part of the program uses it, or its timer.
pub(crate) fn before() -> Option<Before> {
    // SAFETY: both are plain values for which zeroes are valid, and there is space for the results.
    let (timer, mut action) = unsafe {
        let mut timer: libc::itimerval = mem::zeroed();
        let mut action: libc::sigaction = mem::zeroed();
        if libc::getitimer(libc::ITIMER_PROF, &mut timer) != 0
            || libc::sigaction(libc::SIGPROF, ptr::null(), &mut action) != 0
        {
            return None;
        }
        (timer, action)
    };
    let is_off = timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0;
    if action.sa_sigaction == handler() {
        // Left from before a fork, in whose child nothing is sampled any more.
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = 0;
    }
    let is_unhandled = matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
    (is_off && is_unhandled).then_some(Before(action))
}

/// Has the signal handled, and starts the timer. False when the system does neither.
pub(crate) fn begin(interval: Duration) -> bool {
    // SAFETY: zeroes are valid for the action; its handler has the type that `SA_SIGINFO` asks for, may hit
    // any instruction, and is there as long as the program.
    let is_set = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(libc::SIGPROF, &action, ptr::null_mut()) == 0
    };
    is_set && set_timer(interval)
}

/// Stops the timer and puts back what the signal did.
pub(crate) fn end(before: &Before) {
    set_timer(Duration::ZERO);
    // SAFETY: the first action is valid, the second one is as the system gave it. A signal that still waits
    // for its thread would end the process if it met the action from before; to ignore signals for a moment
    // discards those.
    unsafe {
        libc::signal(libc::SIGPROF, libc::SIG_IGN);
        libc::sigaction(libc::SIGPROF, &before.0, ptr::null_mut());
    }
}

fn handler() -> usize {
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    handler as usize
}

fn set_timer(interval: Duration) -> bool {
    let every = libc::timeval {
        tv_sec: interval.as_secs().cast_signed(),
        tv_usec: i64::from(interval.subsec_micros()),
    };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the timer is valid, and the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) == 0 }
}

/// The handler: see [the crate](crate).
extern "C" fn handle(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the C library has one for each thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; the interrupted code is between two instructions of its own.
    let error_before = unsafe { errno.read() };
    IN_HANDLERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: a log is given back only after CURRENT shows another or none and IN_HANDLERS was 0 since. Both
    // are in one order for all threads (SeqCst): a thread that still sees this log here was counted before
    // that.
    if let Some(log) = unsafe { CURRENT.load(Ordering::SeqCst).as_ref() } {
        let mut stack = Stack::<MAX_FRAMES>::new();
        // SAFETY: with SA_SIGINFO the third argument is the interrupted context of this thread.
        unsafe { highwater_unwind::walk_interrupted(context, &mut stack) };
        log.add(stack.addresses());
    }
    IN_HANDLERS.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: as above.
    unsafe { errno.write(error_before) };
}
