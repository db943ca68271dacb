//! What this process is to `highwater run`: the program it started, a child, or none of its business.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};

use crate::settings::Settings;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// No profile of it is asked for.
    None,
    /// The program that was started, or one that it gave its process to.
    First,
    /// A process that one of these has started.
    Child,
}

const NONE: u8 = 0;
const FIRST: u8 = 1;
const CHILD: u8 = 2;

static ROLE: AtomicU8 = AtomicU8::new(NONE);
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// The process is a fork, and has run no program of its own.
static IS_FORK: AtomicBool = AtomicBool::new(false);

/// The process id, from the system.
pub(crate) fn id() -> i32 {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::getpid() }
}

/// The kind of the calling process. A child that has the memory of its parent for a while (`vfork`), or
/// that was made without the C library, has none.
pub(crate) fn role() -> Role {
    if PROCESS.load(Ordering::Acquire) != id() {
        return Role::None;
    }
    match ROLE.load(Ordering::Acquire) {
        FIRST => Role::First,
        CHILD => Role::Child,
        _ => Role::None,
    }
}

/// Whether the process is a fork that has run no program of its own.
pub(crate) fn is_fork() -> bool {
    IS_FORK.load(Ordering::Acquire)
}

/// Finds out what this process is.
pub(crate) fn start(settings: &Settings) {
    let id = id();
    let is_first = settings.first_process == 0 || i64::from(settings.first_process) == i64::from(id);
    let role = match (is_first, settings.has_children) {
        (true, _) => FIRST,
        (false, true) => CHILD,
        (false, false) => NONE,
    };
    PROCESS.store(id, Ordering::Release);
    ROLE.store(role, Ordering::Release);
}

/// Takes up that this process is a fork now. False if no profile is asked for.
pub(crate) fn forked(settings: &Settings) -> bool {
    let is_recorded = settings.has_children && ROLE.load(Ordering::Acquire) != NONE;
    PROCESS.store(id(), Ordering::Release);
    ROLE.store(if is_recorded { CHILD } else { NONE }, Ordering::Release);
    IS_FORK.store(true, Ordering::Release);
    is_recorded
}
