//! Setting the recorder up, which the first allocation of the process does.

use core::sync::atomic::Ordering;

use highwater_lockfree::system;

use crate::config::{Mode, Settings};
use crate::in_force::{FRESH, IS_COMPLETE, READY, REFUSED, STARTED_NS, STARTING, STATE, put_in_force};
use crate::{aligned, living, sys, thread};

/// Sets the recorder up if that has not been done.
pub(crate) fn start(settings: Settings) {
    if !begin() {
        return;
    }
    sys::stay_loaded();
    if sys::has_shared_std() {
        sys::write_to_stderr(SHARED_STD);
        STATE.store(REFUSED, Ordering::Release);
        return;
    }
    let settings = match sys::environment(c"HIGHWATER").map_or(Ok(settings), |it| settings.overridden(it)) {
        Ok(settings) => settings,
        Err(part) => {
            complain(part);
            settings
        }
    };
    finish(settings.mode);
}

/// Sets the recorder up with this mode, regardless of the environment, in a library that is loaded with the
/// program. False if that has been done, or is being done, or cannot be done on this platform.
pub(crate) fn start_with(mode: Mode) -> bool {
    if !begin() {
        return false;
    }
    finish(mode);
    true
}

/// Whether the calling thread is the one that sets the recorder up.
fn begin() -> bool {
    system::SUPPORTED
        && STATE.load(Ordering::Acquire) == FRESH
        && STATE.compare_exchange(FRESH, STARTING, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

fn finish(mode: Mode) {
    IS_COMPLETE.store(mode == Mode::Exact, Ordering::Relaxed);
    put_in_force(mode);
    STARTED_NS.store(sys::monotonic_ns(), Ordering::Relaxed);
    thread::EXIT_HOOK.install(thread::detach);
    highwater_unwind::start();
    system::at_fork(before_fork, after_fork, after_fork);
    STATE.store(READY, Ordering::Release);
}

/// Brings the tables of blocks to rest before a fork.
extern "C" fn before_fork() {
    aligned::before_fork();
    living::before_fork();
}

/// Lets them go on, in parent and child.
extern "C" fn after_fork() {
    living::after_fork();
    aligned::after_fork();
}

/// What is said where the program was built with `-C prefer-dynamic`. Blocks that are marked may not be given
/// to a library that frees them with another allocator.
const SHARED_STD: &[u8] = b"highwater: nothing is recorded, because the standard library is a shared one, which frees blocks with an allocator of its own; build without -C prefer-dynamic\n";

/// Says on standard error, in one write, that a part of the environment's setting is not understood.
fn complain(part: &[u8]) {
    let mut line = [0; 256];
    let mut length = 0;
    let pieces: [&[u8]; 3] = [
        b"highwater: ignoring HIGHWATER, because '",
        &part[..part.len().min(80)],
        b"' is not understood (use interval:64KiB, exact or off); the built-in setting stays\n",
    ];
    for byte in pieces.into_iter().flatten() {
        line[length] = *byte;
        length += 1;
    }
    sys::write_to_stderr(&line[..length]);
}
