//! The files that code comes from, and numbers that tell them apart.

use highwater_lockfree::chain;

/// A file that is mapped executable into this process.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// First address of the executable mapping, as the kernel has it: a page's.
    pub start: u64,
    /// First address behind it, a page's as well.
    pub limit: u64,
    /// Offset in the file of the byte at `start`.
    pub file_offset: u64,
    /// The address that the file's own tables have for the byte at `start`.
    pub elf_start: u64,
    /// The file has one executable segment, and this begins at a multiple of its alignment, not only of a
    /// page.
    pub begins_aligned: bool,
    /// Path as the loader knows it; empty for the program itself.
    pub path: &'a [u8],
    /// GNU build id as it stands in memory, which the file on disk need no longer have; empty when there is
    /// none.
    pub build_id: &'a [u8],
}

/// A number that tells a loaded module from others that lie at the same place at another time.
pub fn module_id(base: u64, path: &[u8], build_id: &[u8]) -> u64 {
    // The program itself has no path here, and its build id is not asked for.
    let build_id = if path.is_empty() { b"" } else { build_id };
    let bytes = path.iter().chain([&0]).chain(build_id).map(|&it| u64::from(it));
    chain::hash([base].into_iter().chain(bytes)) | 1
}

/// A number for the modules that the frames of a stack lie in, by the [`module_id`] of each or 0 where there
/// is none.
pub fn modules_of(ids: impl IntoIterator<Item = u64>) -> u64 {
    let mut last = 0;
    // Frames of one module in a row count once.
    chain::hash(ids.into_iter().filter(|&id| core::mem::replace(&mut last, id) != id))
}
