//! All that the recorder asks of the operating system, per platform.
//!
//! A platform that is missing here (no Unix, or not 64 bits wide) still compiles: allocations then pass
//! through unrecorded, and a snapshot says why there is none.

#[cfg(all(unix, target_pointer_width = "64"))]
mod unix;
#[cfg(all(unix, target_pointer_width = "64"))]
pub(crate) use unix::*;

#[cfg(not(all(unix, target_pointer_width = "64")))]
mod unsupported;
#[cfg(not(all(unix, target_pointer_width = "64")))]
pub(crate) use unsupported::*;

/// Has the system's allocator give free memory back to the system. False where that cannot be asked for; the
/// program may also use another allocator, to which this means nothing.
pub fn trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim may be called at any time from any thread.
        unsafe { libc::malloc_trim(0) };
        true
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
