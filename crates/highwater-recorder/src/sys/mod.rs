//! All that the recorder asks of the operating system, per platform.
//!
//! A platform that is missing here (no Unix, or not 64 bits wide) still compiles: allocations then pass through
//! unrecorded, and a snapshot says
//! why there is none.

#[cfg(all(unix, target_pointer_width = "64"))]
mod unix;
#[cfg(all(unix, target_pointer_width = "64"))]
pub(crate) use unix::*;

#[cfg(not(all(unix, target_pointer_width = "64")))]
mod unsupported;
#[cfg(not(all(unix, target_pointer_width = "64")))]
pub(crate) use unsupported::*;

/// A file that is mapped executable into this process.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// First address of the executable mapping, as the kernel has it: that of a page.
    pub start: u64,
    /// First address behind it, that of a page as well.
    pub limit: u64,
    /// Offset in the file of the byte at `start`.
    pub file_offset: u64,
    /// The address that the file's own tables have for the byte at `start`.
    pub elf_start: u64,
    /// The file has one executable segment, and this begins at a multiple of its alignment, not only at that of a page.
    pub begins_aligned: bool,
    /// Path as the loader knows it; empty for the program itself.
    pub path: &'a [u8],
    /// GNU build id as it stands in memory, which the file on disk need no longer have; empty when there is none.
    pub build_id: &'a [u8],
}

/// Has the system's allocator give free memory back to the system. False where that cannot be asked for; the program may
/// also use another allocator, to which this means nothing.
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
