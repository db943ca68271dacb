//! The beginning: the first allocation sets the recorder up, and the loader calls [`construct`] before the
//! program begins.

use core::ffi::{c_char, c_int, c_void};
use core::mem;
use core::ptr;
use std::thread;
use std::time::{Duration, Instant};

use highwater_recorder::{Mode, own_memory};

use crate::process::Role;
use crate::settings::{self, PROCESS_DIGITS, Settings, VARIABLE};
use crate::{control, ending, environment, exec, output, process, signals};

/// Sets the recorder up. Called by the first allocation, and until it could be done.
pub(crate) fn start() {
    if environment::list().is_null() {
        // The C library is not set up itself.
        return;
    }
    // SAFETY: there are no other threads before the program begins.
    let settings = settings::take(unsafe { environment::get(VARIABLE) });
    if highwater_recorder::start_family(settings.map_or(Mode::Off, Settings::first_mode)) {
        highwater_unwind::keep_present_modules();
    }
}

#[cfg(not(test))]
#[used]
// SAFETY: the loader calls the functions of this section once, with these arguments.
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = construct;

extern "C" fn construct(_: c_int, _: *const *const c_char, _: *const *const c_char) {
    start();
    let Some(settings) = settings::get() else { return };
    own_memory(|| {
        process::start(settings);
        // SAFETY: there are no other threads before the program begins, and the strings of the environment
        // are where the kernel put them.
        unsafe { exec::take_over_environment(settings) };
        if process::role() == Role::None {
            highwater_recorder::set_mode(Mode::Off);
            return;
        }
        leave_own_frames_out();
        // The standard library keeps a block for the thread, from the C library's allocator, and makes it
        // when it is first asked for the thread. In a signal handler that may be impossible. It is never
        // given back, so that it counts nowhere.
        mem::forget(thread::current());
        ending::start();
        // SAFETY: the handlers are functions of this library, which stays loaded.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(forked)) };
        if settings.every_ms != 0 {
            start_series(settings);
        }
        control::start(settings);
        signals::start();
    });
}

/// Writes the first process into the variable, so that its children know that they are not the first.
///
/// # Safety
/// As for [`environment::overwrite`].
pub(crate) unsafe fn mark_environment() {
    let id = format!("{:0PROCESS_DIGITS$}", process::id());
    // SAFETY: the caller's promise.
    unsafe { environment::overwrite(VARIABLE, id.as_bytes()) };
}

/// Has rows begin behind this library's code.
fn leave_own_frames_out() {
    let here = leave_own_frames_out as fn() as usize as u64;
    highwater_unwind::visit_modules(|module| {
        if (module.start..module.limit).contains(&here) {
            highwater_recorder::leave_out(module.start as usize..module.limit as usize);
        }
    });
}

unsafe extern "C" fn before_fork() {
    output::before_fork();
}

unsafe extern "C" fn after_fork() {
    output::after_fork();
}

unsafe extern "C" fn forked() {
    let Some(settings) = settings::get() else { return };
    output::after_fork_in_child();
    if !process::forked(settings) {
        highwater_recorder::set_mode(Mode::Off);
    }
}

/// Starts the thread that writes a snapshot after each period.
fn start_series(settings: &'static Settings) {
    let period = Duration::from_millis(settings.every_ms);
    spawn("series", move || {
        let mut next = Instant::now() + period;
        loop {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next = (next + period).max(Instant::now());
            let _ = output::write();
        }
    });
}

/// Starts a thread of this library's.
pub(crate) fn spawn(what: &str, work: impl FnOnce() + Send + 'static) {
    // The signals that are meant for the program are not delivered to this thread.
    let before = signals::block_all();
    let started = thread::Builder::new().name("highwater".to_owned()).spawn(|| own_memory(work));
    signals::set_mask(before);
    if let Err(error) = started {
        output::complain(&format!("no thread could be started for the {what}: {error}"));
    }
}

/// Has `work` called when the process ends by `exit`, behind all that the program and its libraries do then.
pub(crate) fn at_very_end(work: unsafe extern "C" fn(*mut c_void)) {
    // SAFETY: the C library declares the function with this type.
    unsafe extern "C" {
        fn __cxa_atexit(
            work: unsafe extern "C" fn(*mut c_void),
            argument: *mut c_void,
            library: *mut c_void,
        ) -> c_int;
    }
    // What is registered first is called last. Without a library it is not called when that is finished
    // either.
    // SAFETY: the function is one of this library, which stays loaded.
    unsafe { __cxa_atexit(work, ptr::null_mut(), ptr::null_mut()) };
}
