//! A file of this program's code, mapped to be read: its pages are the system's cache and count for nobody
//! once it is unmapped.

#[cfg(target_os = "linux")]
use core::ffi::CStr;
#[cfg(target_os = "linux")]
use core::ptr::{self, NonNull};

/// The file that code of this process comes from.
#[derive(Debug)]
pub struct MappedFile {
    #[cfg(target_os = "linux")]
    start: NonNull<libc::c_void>,
    #[cfg(target_os = "linux")]
    bytes: usize,
}

#[cfg(target_os = "linux")]
// SAFETY: it is memory that is only read, and given back by the last who has it.
unsafe impl Send for MappedFile {}
#[cfg(target_os = "linux")]
// SAFETY: reading it from several threads is reading the same file; `release` changes no content.
unsafe impl Sync for MappedFile {}

#[cfg(target_os = "linux")]
impl MappedFile {
    /// The file of the running program. The kernel's own handle leads to it, also when its name was deleted
    /// or given to another file.
    pub fn program() -> Option<Self> {
        Self::open(c"/proc/self/exe")
    }

    /// The file of a library that is mapped as code of this process.
    pub fn library(path: &CStr) -> Option<Self> {
        Self::open(path)
    }

    fn open(path: &CStr) -> Option<Self> {
        // SAFETY: the path ends with NUL.
        let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        // SAFETY: the descriptor is open.
        let bytes = unsafe { libc::lseek(file, 0, libc::SEEK_END) };
        let bytes = usize::try_from(bytes).unwrap_or(0);
        let start = if bytes == 0 {
            libc::MAP_FAILED
        } else {
            // SAFETY: a new mapping at a place of the kernel's choice takes nothing from anybody.
            unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_PRIVATE, file, 0) }
        };
        // SAFETY: it was opened above, and a mapping does not need it.
        unsafe { libc::close(file) };
        let start = (start != libc::MAP_FAILED).then(|| NonNull::new(start)).flatten()?;
        Some(Self { start, bytes })
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable and as long as that, and exists as long as this. The content does
        // not change: the file is one whose code this process runs, so a program that cuts or rewrites it in
        // place breaks the process anyway.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes) }
    }

    /// Gives the pages that were read back to the system. They are read again when they are needed.
    pub fn release(&self) {
        // SAFETY: the whole mapping, which is private and was never written to: afterwards its content is the
        // file's again.
        unsafe { libc::madvise(self.start.as_ptr(), self.bytes, libc::MADV_DONTNEED) };
    }
}

#[cfg(target_os = "linux")]
impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, and no reference into it outlives this.
        unsafe { libc::munmap(self.start.as_ptr(), self.bytes) };
    }
}

#[cfg(not(target_os = "linux"))]
impl MappedFile {
    /// Nothing: the system does not keep a handle of the program.
    pub fn program() -> Option<Self> {
        None
    }

    /// Nothing.
    pub fn library(_path: &core::ffi::CStr) -> Option<Self> {
        None
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        &[]
    }

    /// Gives nothing back.
    pub fn release(&self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_program_reads_itself() {
        let file = MappedFile::program().unwrap();
        assert_eq!(&file.bytes()[..4], b"\x7fELF");
        file.release();
        assert_eq!(&file.bytes()[..4], b"\x7fELF");
        assert!(MappedFile::library(c"/nowhere").is_none());
    }
}
