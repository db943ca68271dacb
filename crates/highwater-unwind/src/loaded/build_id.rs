//! Build ids of modules, as they stand in memory.

/// The GNU build id of a loaded library, empty when it has none. `base` is what its tables' addresses are
/// less than those in memory.
///
/// # Safety
/// A library is loaded at `start`, and stays so while the result is used.
pub(crate) unsafe fn build_id_at<'a>(start: *const u8, base: u64) -> &'a [u8] {
    // SAFETY: a library's first page is mapped, and is longer than a header.
    let header = unsafe { &*start.cast::<libc::Elf64_Ehdr>() };
    let (offset, count) = (header.e_phoff as usize, usize::from(header.e_phnum));
    let entry = size_of::<libc::Elf64_Phdr>();
    let is_whole = offset.checked_add(count * entry).is_some_and(|end| end <= 4096);
    let is_aligned = offset.is_multiple_of(align_of::<libc::Elf64_Phdr>());
    if header.e_ident[..4] != *b"\x7fELF"
        || usize::from(header.e_phentsize) != entry
        || !is_whole
        || !is_aligned
    {
        return b"";
    }
    // SAFETY: the table lies within that page, and is aligned there as it is in the file.
    let headers = unsafe { core::slice::from_raw_parts(start.add(offset).cast::<libc::Elf64_Phdr>(), count) };
    headers
        .iter()
        .filter(|header| header.p_type == libc::PT_NOTE)
        // SAFETY: a PT_NOTE segment lies inside a loaded segment of the library.
        .map(|header| unsafe {
            let notes = base.wrapping_add(header.p_vaddr) as usize as *const u8;
            core::slice::from_raw_parts(notes, header.p_memsz as usize)
        })
        .find_map(gnu_build_id)
        .unwrap_or_default()
}

/// The build id in the content of a note segment: notes are (name size, content size, type, name, content),
/// the last two padded to four bytes.
pub(super) fn gnu_build_id(mut notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    while let Some((head, rest)) = notes.split_at_checked(12) {
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name_size, content_size) = (word(0) as usize, word(4) as usize);
        let (name, rest) = rest.split_at_checked(name_size.next_multiple_of(4))?;
        let (content, rest) = rest.split_at_checked(content_size.next_multiple_of(4))?;
        if word(8) == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return content.get(..content_size);
        }
        notes = rest;
    }
    None
}
