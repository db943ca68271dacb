//! Unix: thread exit by a pthread key, modules by `dl_iterate_phdr`.

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

/// The value of an environment variable, without the lock and the copy of `std::env::var`.
pub(crate) fn environment(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: `name` is a C string. The result points into the environment of the process; it is read once,
    // at the first allocation, which is before any code that could change the environment runs.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes())
    }
}

/// Writes to standard error as far as that is possible.
pub(crate) fn write_to_stderr(text: &[u8]) {
    // SAFETY: the pointer and the length are a slice's.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Copies the calling thread's name into `buffer` and returns its length, 0 when it has none.
pub(crate) fn thread_name(buffer: &mut [u8; 16]) -> usize {
    // SAFETY: the buffer has the 16 bytes that are stated, and the calling thread exists.
    let failed = unsafe { libc::pthread_getname_np(libc::pthread_self(), buffer.as_mut_ptr().cast(), 16) };
    if failed != 0 {
        return 0;
    }
    buffer.iter().position(|&byte| byte == 0).unwrap_or(16)
}

/// Nanoseconds on a clock that never goes back and stands still in no sleep of the process.
pub(crate) fn monotonic_ns() -> u64 {
    now_ns(libc::CLOCK_MONOTONIC)
}

fn now_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for the result.
    unsafe { libc::clock_gettime(clock, &mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}

/// A number that differs from call to call and from process to process.
pub(crate) fn entropy() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    // Where the system put the stack tells processes of one moment apart, without a system call.
    now_ns(libc::CLOCK_REALTIME) ^ (ptr::from_ref(&calls).addr() as u64) << 17 ^ calls << 48
}

/// The module that holds an address of code, by where it begins; `None` when the loader knows of none. Takes
/// the loader's lock.
fn module_of(code: *const ()) -> Option<libc::Dl_info> {
    let mut info = core::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: any address may be asked for, and there is space for the result.
    let found = unsafe { libc::dladdr(code.cast(), info.as_mut_ptr()) } != 0;
    // SAFETY: it is filled in when something was found.
    found.then(|| unsafe { info.assume_init() })
}

/// Whether the standard library is a shared one (`-C prefer-dynamic`). It then frees with an allocator of its
/// own what the program has allocated with its global one. Takes the loader's lock.
pub(crate) fn has_shared_std() -> bool {
    // A function that is never copied into the program.
    let [own, std] =
        [has_shared_std as fn() -> bool as *const (), std::process::abort as fn() -> ! as *const ()];
    match (module_of(own), module_of(std)) {
        (Some(own), Some(std)) => own.dli_fbase != std.dli_fbase,
        _ => false,
    }
}

/// Has the shared library that this is part of, if it is, stay loaded as long as the process runs: threads
/// that end call it, as does every fork. To be called once, early: it takes the loader's lock.
pub(crate) fn stay_loaded() {
    let Some(own) = module_of(stay_loaded as fn() as *const ()) else { return };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: getauxval has no preconditions. The program's own headers lie in the program.
        let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
        if module_of(ptr::without_provenance(headers)).is_some_and(|it| it.dli_fbase == own.dli_fbase) {
            // The program itself, whose name need not be one by which it is found.
            return;
        }
    }
    // SAFETY: the name is the loader's own, a C string that exists as long as the module. It is loaded
    // already, so no constructor runs; the handle, one more reference, is meant to be kept.
    unsafe { libc::dlopen(own.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
}

/// Reports when a thread ends. A pthread key's destructor runs behind the destructors of Rust's
/// thread-locals, and needs no memory to be registered.
pub(crate) struct ExitHook {
    /// The key plus one, because 0 is a valid key; 0 until installed.
    key: AtomicU64,
}

impl ExitHook {
    pub(crate) const fn new() -> Self {
        Self { key: AtomicU64::new(0) }
    }

    /// Makes `destructor` be called with what a thread passed to [`Self::arm`]. To be called once.
    // SAFETY of calling it: the C library does, with what `arm` was given in that thread, and once for each
    // time.
    pub(crate) fn install(&self, destructor: unsafe extern "C" fn(*mut c_void)) {
        let mut key = 0;
        // SAFETY: `key` is a valid place for the result, and the destructor is a function of the program.
        if unsafe { libc::pthread_key_create(&mut key, Some(destructor)) } == 0 {
            self.key.store(u64::from(key) + 1, Ordering::Release);
        }
    }

    /// Has the destructor called at the end of the calling thread. False when that is not possible.
    pub(crate) fn arm(&self, value: *const c_void) -> bool {
        match self.key.load(Ordering::Acquire) {
            0 => false,
            // SAFETY: the key is one that `install` created and nobody deletes.
            key => unsafe { libc::pthread_setspecific((key - 1) as libc::pthread_key_t, value) == 0 },
        }
    }
}

/// Where the function begins that has the instruction at `address`, by the tables for unwinding; `None`
/// without one.
pub(crate) fn function_at(address: usize) -> Option<usize> {
    // SAFETY: the unwinder that the standard library is linked with declares the function with this type.
    unsafe extern "C" {
        fn _Unwind_FindEnclosingFunction(address: *const c_void) -> *const c_void;
    }
    // SAFETY: any address may be asked for.
    let start = unsafe { _Unwind_FindEnclosingFunction(ptr::without_provenance(address)) };
    (!start.is_null()).then(|| start.addr())
}
