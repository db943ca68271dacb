//! A process that gives itself to another program: its profile is written before, and the other program is
//! recorded as well.
//!
//! The program does not see in its environment that it is recorded. So what the next program needs is added
//! when it is started. With children that are recorded the environment keeps it for them.

use core::ffi::{c_char, c_int, c_void};
use core::mem;
use core::ptr;
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::OnceLock;

use highwater_recorder::own_memory;

use crate::environment::{self, PRELOAD};
use crate::output;
use crate::process::{self, Role};
use crate::real::Real;
use crate::settings::{self, EXEC_DIGITS, PROCESS_DIGITS, Settings, VARIABLE};
use crate::signals;
use crate::start;

/// What the next program finds in its environment: this library's path, and the variable's value.
struct Handover {
    library: Vec<u8>,
    value: Vec<u8>,
}

static HANDOVER: OnceLock<Handover> = OnceLock::new();

/// Keeps what the next program needs, and takes it out of the environment unless children need it too.
///
/// # Safety
/// No other thread uses the environment, and its strings are where the kernel put them.
pub(crate) unsafe fn take_over_environment(settings: &Settings) {
    // SAFETY: the caller's promise.
    unsafe {
        let library = environment::get(PRELOAD).unwrap_or_default();
        let library = library.split(|it| *it == b':' || *it == b' ').next().unwrap_or_default();
        let value = environment::get(VARIABLE).unwrap_or_default();
        HANDOVER.get_or_init(|| Handover { library: library.to_vec(), value: value.to_vec() });
        if settings.has_children {
            if settings.first_process == 0 {
                start::mark_environment();
            }
        } else {
            environment::remove(VARIABLE);
            // The kept copy: the string itself is changed here.
            if let Some(handover) = HANDOVER.get() {
                environment::remove_preloaded(&handover.library);
            }
        }
    }
}

/// An environment for the next program, with what it needs to be recorded.
struct Environment {
    /// The strings that are new. The list points to them.
    _strings: [CString; 2],
    list: Vec<*mut c_char>,
}

impl Environment {
    /// `given`, with this library and the settings in it; `None` where the next program is not to be
    /// recorded.
    ///
    /// # Safety
    /// It is null or an environment.
    unsafe fn of(given: *const *mut c_char) -> Option<Self> {
        let settings = settings::get()?;
        let handover = HANDOVER.get()?;
        let is_recorded = match process::role() {
            Role::None => false,
            Role::First => true,
            Role::Child => settings.has_children,
        };
        if !is_recorded || process::is_fork() && !settings.has_children {
            return None;
        }
        // SAFETY: the caller's promise.
        let preloaded = unsafe { environment::strings(given).find_map(|it| environment::value(it, PRELOAD)) };
        let others = preloaded.map(|it| it.strip_prefix(&*handover.library).unwrap_or(it));
        let others = others.map(|it| it.strip_prefix(b":").unwrap_or(it)).filter(|it| !it.is_empty());
        let mut preload = [PRELOAD, &handover.library].concat();
        if let Some(others) = others {
            preload.push(b':');
            preload.extend_from_slice(others);
        }
        let first = if process::role() == Role::First {
            process::id().unsigned_abs()
        } else {
            settings.first_process
        };
        let execs = if process::is_fork() { 0 } else { (settings.execs + 1).min(999) };
        let start = format!("{first:0PROCESS_DIGITS$} {execs:0EXEC_DIGITS$}");
        let rest = handover.value.get(start.len()..)?;
        let variable = [VARIABLE, start.as_bytes(), rest].concat();
        let strings = [CString::new(preload).ok()?, CString::new(variable).ok()?];
        // SAFETY: the caller's promise.
        let kept = unsafe {
            environment::strings(given).filter(|&it| {
                environment::value(it, PRELOAD).is_none() && environment::value(it, VARIABLE).is_none()
            })
        };
        let list =
            kept.chain(strings.iter().map(|it| it.as_ptr().cast_mut())).chain([ptr::null_mut()]).collect();
        Some(Self { _strings: strings, list })
    }
}

/// Writes the profile and makes the next program's environment, gives it to `work`, and takes all of it back
/// when that returns, which it does when the program could not be started.
///
/// # Safety
/// `given` is null or an environment.
unsafe fn hand_over(given: *const *const c_char, work: impl FnOnce(*const *const c_char) -> c_int) -> c_int {
    if process::role() == Role::None {
        // It may have its parent's memory, where nothing may be changed.
        return work(given);
    }
    let (written, environment) = signals::undisturbed(|| {
        own_memory(|| {
            let written: Option<PathBuf> = output::write_before_exec();
            // SAFETY: the caller's promise.
            (written, unsafe { Environment::of(given.cast()) })
        })
    });
    let result = work(environment.as_ref().map_or(given, |it| it.list.as_ptr().cast()));
    // SAFETY: the C library has one for each thread.
    let error = unsafe { *libc::__errno_location() };
    signals::undisturbed(|| {
        own_memory(|| drop(environment));
        output::remove(written);
    });
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = error };
    result
}

type Strings = *const *const c_char;

/// The type of the functions that take a program's name, its arguments and its environment.
type Execute = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;

/// POSIX's `execve`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    static REAL: Real = Real::new();
    let real = REAL.find(c"execve");
    // SAFETY: the function of this name has this type; the caller's promise.
    unsafe {
        hand_over(environment, |environment| {
            mem::transmute::<*mut c_void, Execute>(real)(path, arguments, environment)
        })
    }
}

/// POSIX's `execv`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execv(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { execve(path, arguments, environment::list().cast_const().cast()) }
}

/// glibc's `execvpe`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execvpe(file: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    static REAL: Real = Real::new();
    let real = REAL.find(c"execvpe");
    // SAFETY: as for `execve`.
    unsafe {
        hand_over(environment, |environment| {
            mem::transmute::<*mut c_void, Execute>(real)(file, arguments, environment)
        })
    }
}

/// POSIX's `execvp`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execvp(file: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { execvpe(file, arguments, environment::list().cast_const().cast()) }
}

/// POSIX's `fexecve`.
///
/// # Safety
/// As the C library's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn fexecve(descriptor: c_int, arguments: Strings, environment: Strings) -> c_int {
    static REAL: Real = Real::new();
    let real = REAL.find(c"fexecve");
    // SAFETY: as for `execve`.
    unsafe {
        let real =
            mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int, Strings, Strings) -> c_int>(real);
        hand_over(environment, |environment| real(descriptor, arguments, environment))
    }
}

/// What comes before one of the functions whose arguments are not counted, which take the environment of the
/// process. Returns the real function.
extern "C" fn before_listed(which: usize) -> *mut c_void {
    static REAL: [Real; 3] = [const { Real::new() }; 3];
    const NAMES: [&core::ffi::CStr; 3] = [c"execl", c"execlp", c"execle"];
    let which = which.min(2);
    if process::role() != Role::None {
        signals::undisturbed(|| own_memory(prepare_listed));
    }
    REAL[which].find(NAMES[which])
}

/// Writes the profile, and makes the environment of the process one for the next program.
fn prepare_listed() {
    output::remove_if_still_here(output::write_before_exec());
    // SAFETY: the environment belongs to the C library. A thread that uses it now ends with the program.
    unsafe {
        if let Some(environment) = Environment::of(environment::list()) {
            // For the next program alone, or for ever if there is none.
            let kept = Box::leak(Box::new(environment));
            environment::set_list(kept.list.as_mut_ptr());
        }
    }
}

/// A function with any number of arguments: does what comes before it, and goes on with the real one as if it
/// had been called.
#[cfg(target_arch = "x86_64")]
macro_rules! listed {
    ($name:ident, $which:literal) => {
        /// POSIX's function of this name.
        ///
        /// # Safety
        /// As the C library's.
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                "push rdi",
                "push rsi",
                "push rdx",
                "push rcx",
                "push r8",
                "push r9",
                "push rax",
                concat!("mov edi, ", $which),
                "call {before}",
                "mov r11, rax",
                "pop rax",
                "pop r9",
                "pop r8",
                "pop rcx",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "jmp r11",
                before = sym before_listed,
            )
        }
    };
}

#[cfg(target_arch = "x86_64")]
listed!(execl, "0");
#[cfg(target_arch = "x86_64")]
listed!(execlp, "1");
#[cfg(target_arch = "x86_64")]
listed!(execle, "2");
