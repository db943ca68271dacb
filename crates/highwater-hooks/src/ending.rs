//! The last thing a thread does: the destructor of a thread-specific key, in the last round of such
//! destructors.
//!
//! The C library runs key destructors behind the destructors of Rust's and C++'s thread-locals. As long as
//! some of them set their key's value again it goes round once more, four times at most. Ours does until the
//! last round, so that whatever the others still do, in whatever order, lies before it.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::thread::Thread;
use crate::{calling_thread, observer, registry};

/// `PTHREAD_DESTRUCTOR_ITERATIONS` of glibc.
const ROUNDS: u8 = 4;

/// The key whose value is the calling thread's record. `None` when the C library has no key left.
fn key() -> Option<libc::pthread_key_t> {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the destructor takes what `begin` sets; the key is never deleted.
        let result = unsafe { libc::pthread_key_create(&raw mut key, Some(end)) };
        // SAFETY: the handler does nothing but set a flag.
        unsafe { libc::pthread_atfork(None, None, Some(disown)) };
        (result == 0).then_some(key)
    })
}

extern "C" fn disown() {
    registry::disown();
}

/// Whether the end of a thread will be seen.
pub(crate) fn is_ready() -> bool {
    key().is_some()
}

/// Remembers the record of the calling thread, which is starting.
pub(crate) fn begin(thread: Thread) {
    let Some(key) = key() else { return };
    calling_thread::set_number(thread.number());
    // SAFETY: takes no argument, and cannot fail.
    let tid = unsafe { libc::gettid() };
    thread.set_tid(tid.unsigned_abs());
    let raw = thread.into_raw();
    // SAFETY: the key exists.
    if unsafe { libc::pthread_setspecific(key, raw.cast()) } != 0 {
        // The end will not be seen, so better not to wait for it.
        // SAFETY: the value was not taken, and is used this once.
        registry::remove(&unsafe { Thread::from_raw(raw) });
    }
}

/// The key's destructor.
///
/// # Safety
/// `raw` is a value of the key, which [`begin`] or this function set, and nobody uses it any more.
// SAFETY: only the C library calls it, for a value that it has just taken out of the key.
unsafe extern "C" fn end(raw: *mut c_void) {
    // SAFETY: the value was set by `begin` or below, and the C library has cleared it.
    let thread = unsafe { Thread::from_raw(raw.cast()) };
    if thread.begin_round() + 1 < ROUNDS
        && let Some(key) = key()
    {
        let raw = thread.into_raw();
        // SAFETY: the key exists.
        if unsafe { libc::pthread_setspecific(key, raw.cast()) } == 0 {
            return;
        }
        // SAFETY: the value was not taken, and is used this once.
        return finish(&unsafe { Thread::from_raw(raw) });
    }
    finish(&thread);
}

fn finish(thread: &Thread) {
    if let Some(observer) = observer::current() {
        (observer.ends)(thread);
    }
    registry::remove(thread);
}
