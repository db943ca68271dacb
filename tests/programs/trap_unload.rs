//! Loads and closes a library, with or without Highwater inside: `trap_unload PATH LIBRARY`.
//!
//! A thread that allocated in the library ends after it was closed; the library is loaded and closed more
//! often than a process has keys for thread-local values; and a fork calls the handlers that the library
//! registered. The program itself does not contain Highwater.

use std::ffi::{CStr, CString, c_void};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

type Work = extern "C" fn(usize) -> u64;

struct Library(*mut c_void);

impl Library {
    fn load(path: &CStr) -> Result<Self, String> {
        // SAFETY: the name is a C string, and the library is one of the test's.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() { Err("the library cannot be loaded".to_owned()) } else { Ok(Self(handle)) }
    }

    /// The library's function `work`; a library without an allocator does not have it.
    fn work(&self) -> Option<Work> {
        // SAFETY: the handle belongs to a loaded library, and the name is a C string.
        let function = unsafe { libc::dlsym(self.0, c"work".as_ptr()) };
        // SAFETY: the library's source says that this is its type.
        (!function.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Work>(function) })
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is closed once.
        unsafe { libc::dlclose(self.0) };
    }
}

fn is_loaded(path: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains(path))
}

fn run(path: &str) -> Result<(), String> {
    // More than the number of keys.
    const TIMES: usize = 1100;
    let name = CString::new(path).map_err(|it| it.to_string())?;
    let library = Library::load(&name)?;
    let (closed, is_closed) = mpsc::channel::<()>();
    let (report, counted) = mpsc::channel();
    let work = library.work();
    let thread = thread::spawn(move || {
        let _ = report.send(work.map_or(0, |work| work(100)));
        // The thread's destructors are code in the library.
        let _ = is_closed.recv();
    });
    let blocks = counted.recv().map_err(|it| it.to_string())?;
    drop(library);
    if !is_loaded(path) {
        return Err("the library was unloaded".to_owned());
    }
    drop(closed);
    thread.join().map_err(|_| "the thread panicked")?;
    let mut counted = blocks;
    for _ in 0..TIMES {
        let now = Library::load(&name)?.work().map_or(0, |work| work(1));
        if now <= counted {
            return Err(format!(
                "{now} blocks counted, {counted} before: it is not the same library any more"
            ));
        }
        counted = now;
    }
    let mut key = 0;
    // SAFETY: there is space for the result.
    if unsafe { libc::pthread_key_create(&mut key, None) } != 0 {
        return Err("there is no key left".to_owned());
    }
    // SAFETY: the child ends at once.
    match unsafe { libc::fork() } {
        // SAFETY: ends the child at once.
        0 => unsafe { libc::_exit(0) },
        child => {
            let mut status = 1;
            // SAFETY: there is space for the result.
            unsafe { libc::waitpid(child, &mut status, 0) };
            if status == 0 { Ok(()) } else { Err(format!("the child's wait status: {status}")) }
        }
    }
}

fn main() -> ExitCode {
    match run(&std::env::args().nth(2).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
