//! The functions that stand in front of the C library's, and see every thread start.
//!
//! The thread is in the registry before the real function is called, since the new thread may be ahead of its
//! spawner; it is taken out again if that function fails. What cannot be recorded is passed on as it came.

use std::ffi::{c_int, c_void};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ending;
use crate::next::Next;
use crate::observer;
use crate::stack;
use crate::thread::{Beginning, Inherited, Thread};
use crate::{calling_thread, registry};

/// What `pthread_create` starts. It may end by an unwinding that is no panic: `pthread_exit` and
/// cancellation.
type PosixRoutine = extern "C-unwind" fn(*mut c_void) -> *mut c_void;
/// What `thrd_create` starts.
type StandardRoutine = extern "C-unwind" fn(*mut c_void) -> c_int;

// SAFETY: who calls either promises what the C library's manual asks of a call of `pthread_create` or
// `thrd_create`: space for the new thread's handle, attributes that are null or initialised, and a routine
// that may be given the argument in a new thread.
type PosixCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    PosixRoutine,
    *mut c_void,
) -> c_int;
// SAFETY: as above.
type StandardCreate = unsafe extern "C" fn(*mut c_void, StandardRoutine, *mut c_void) -> c_int;

/// `thrd_error` of C11's `threads.h`, as glibc has it.
const STANDARD_ERROR: c_int = 2;

/// Set once the first thread came through here.
static PASSED: AtomicBool = AtomicBool::new(false);

/// Set once it is known what the main thread is about.
static MAIN_IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// Whether a thread was seen to start, that is, whether callers reach the functions of this file.
pub(crate) fn was_passed() -> bool {
    PASSED.load(Ordering::Relaxed)
}

static POSIX: Next = Next::new(c"pthread_create");
static STANDARD: Next = Next::new(c"thrd_create");

/// Whether there is a function behind ours to pass calls on to.
pub(crate) fn has_next() -> bool {
    !POSIX.address().is_null()
}

/// Set once every thread has to keep the stack that started it.
static KEEPS_STACKS: AtomicBool = AtomicBool::new(false);

/// Has every thread that starts from now on keep the stack that started it, also outside of all scopes.
pub fn keep_stacks() {
    KEEPS_STACKS.store(true, Ordering::Relaxed);
}

/// What a thread needs to begin.
struct Start<R> {
    routine: R,
    argument: *mut c_void,
    thread: Thread,
}

/// Notes a thread that is about to start. `None` where that cannot be done.
fn register(start_routine: usize, inherited: Option<Inherited>) -> Option<Thread> {
    if registry::is_held_here() || !ending::is_ready() {
        return None;
    }
    let scope = calling_thread::scope();
    let is_main = calling_thread::is_main();
    // Outside of all scopes nobody will ask where a thread comes from, but for the first one: it tells what
    // the main thread is about, which is the same for all that follow.
    let wants_stack = KEEPS_STACKS.load(Ordering::Relaxed)
        || scope.0 != 0
        || (is_main && !MAIN_IS_KNOWN.swap(true, Ordering::Relaxed));
    PASSED.store(true, Ordering::Relaxed);
    let spawn_stack = if wants_stack { stack::walk_all() } else { Box::default() };
    registry::add(
        calling_thread::number(),
        is_main,
        Beginning { scope, start_routine, spawn_stack, inherited, counts: false },
    )
}

/// Has `create` start a thread that begins with a `Start`, and cleans up if it does not.
fn start<R>(
    routine: R,
    start_routine: usize,
    argument: *mut c_void,
    create: impl FnOnce(*mut c_void) -> c_int,
) -> Result<c_int, R> {
    let observer = observer::current();
    let inherited = observer.and_then(|it| (it.starts)());
    let told = |is_followed| {
        if let Some(observer) = observer {
            (observer.started)(inherited, is_followed);
        }
    };
    let Some(thread) = register(start_routine, inherited) else {
        told(false);
        return Err(routine);
    };
    let start = Box::into_raw(Box::new(Start { routine, argument, thread: thread.clone() }));
    let result = create(start.cast());
    if result != 0 {
        // SAFETY: no thread was started, so the box is still ours alone.
        drop(unsafe { Box::from_raw(start) });
        registry::remove(&thread);
    }
    drop(thread);
    told(result == 0);
    Ok(result)
}

/// What a new thread does before its own routine.
///
/// # Safety
/// `start` is a pointer that [`start`] gave to its `create`, with the same `R`, and is used this once.
unsafe fn begin<R: Copy>(start: *mut c_void) -> (R, *mut c_void) {
    // SAFETY: the caller promises that the pointer came from such a box, which is ours now.
    let start = unsafe { Box::from_raw(start.cast::<Start<R>>()) };
    let Start { routine, argument, ref thread } = *start;
    ending::begin(thread.clone());
    calling_thread::replace_scope(thread.scope());
    if let Some(observer) = observer::current() {
        (observer.began)(thread);
    }
    (routine, argument)
}

extern "C-unwind" fn begin_posix(start: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` below gives this function and such a pointer together.
    let (routine, argument) = unsafe { begin::<PosixRoutine>(start) };
    routine(argument)
}

extern "C-unwind" fn begin_standard(start: *mut c_void) -> c_int {
    // SAFETY: `thrd_create` below gives this function and such a pointer together.
    let (routine, argument) = unsafe { begin::<StandardRoutine>(start) };
    routine(argument)
}

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: PosixRoutine,
    argument: *mut c_void,
) -> c_int {
    let next = POSIX.address();
    if next.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: this is the address of the function of that name, which is of this type.
    let next = unsafe { mem::transmute::<*mut c_void, PosixCreate>(next) };
    // SAFETY: the caller promises what the function asks for; the routine and its argument are ours.
    let create = |start| unsafe { next(thread, attributes, begin_posix, start) };
    match start(routine, routine as usize, argument, create) {
        Ok(result) => result,
        // SAFETY: the caller promises what the function asks for.
        Err(routine) => unsafe { next(thread, attributes, routine, argument) },
    }
}

/// Stands in front of the C library's function of this name.
///
/// # Safety
/// As for that function.
#[unsafe(no_mangle)]
unsafe extern "C" fn thrd_create(
    thread: *mut c_void,
    routine: StandardRoutine,
    argument: *mut c_void,
) -> c_int {
    let next = STANDARD.address();
    if next.is_null() {
        return STANDARD_ERROR;
    }
    // SAFETY: this is the address of the function of that name, which is of this type.
    let next = unsafe { mem::transmute::<*mut c_void, StandardCreate>(next) };
    // SAFETY: the caller promises what the function asks for; the routine and its argument are ours.
    let create = |start| unsafe { next(thread, begin_standard, start) };
    match start(routine, routine as usize, argument, create) {
        Ok(result) => result,
        // SAFETY: the caller promises what the function asks for.
        Err(routine) => unsafe { next(thread, routine, argument) },
    }
}
