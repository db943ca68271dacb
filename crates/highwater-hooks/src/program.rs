//! The program itself: where it lies in memory, and which build it is.

use std::ffi::{c_int, c_void};
use std::ops::Range;

/// What the loader knows of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The addresses that it takes.
    pub addresses: Range<usize>,
    /// What the linker wrote into it to tell this build from all others. `None` where it wrote nothing.
    pub build_id: Option<&'static [u8]>,
}

/// The program that runs. `None` where the loader does not tell.
pub fn program() -> Option<Program> {
    let mut found: Option<Program> = None;
    // SAFETY: the function is given this pointer back, and only while this call lasts.
    unsafe { libc::dl_iterate_phdr(Some(show), (&raw mut found).cast()) };
    found
}

unsafe extern "C" fn show(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader gives a pointer to a record of this type, and `program` the one to its result.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Option<Program>>()) };
    // SAFETY: the loader says where the program's headers are and how many. They stay where they are.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let place = |header: &libc::Elf64_Phdr| {
        let begin = usize::try_from(info.dlpi_addr.checked_add(header.p_vaddr)?).ok()?;
        let end = begin.checked_add(usize::try_from(header.p_memsz).ok()?)?;
        Some(begin..end)
    };
    let loaded = headers.iter().filter(|it| it.p_type == libc::PT_LOAD).filter_map(place);
    let addresses = loaded.reduce(|all, one| all.start.min(one.start)..all.end.max(one.end));
    let notes = headers.iter().filter(|it| it.p_type == libc::PT_NOTE);
    let build_id = notes.filter_map(|it| Some((place(it)?, usize::try_from(it.p_align).ok()?)));
    let mut build_id = build_id.filter_map(|(place, align)| {
        // SAFETY: the loader has mapped this to be read, from the file, and a program is never unmapped.
        let bytes: &'static [u8] = unsafe {
            std::slice::from_raw_parts(std::ptr::with_exposed_provenance(place.start), place.len())
        };
        build_id_in(bytes, align)
    });
    *found = addresses.map(|addresses| Program { addresses, build_id: build_id.next() });
    // The program is the first; libraries are not asked for.
    1
}

/// The build id among these notes. A note is its name and its content behind their lengths and a type.
fn build_id_in(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const HEADER: usize = 12;
    const BUILD_ID: u32 = 3;
    let align = if align == 8 { 8 } else { 4 };
    while let Some((header, rest)) = notes.split_at_checked(HEADER) {
        let word = |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let length = |at| usize::try_from(word(at)?).ok();
        let (name_length, length, kind) = (length(0)?, length(4)?, word(8)?);
        let begin = name_length.checked_next_multiple_of(align)?;
        let content = rest.get(begin..begin.checked_add(length)?)?;
        if kind == BUILD_ID && rest.get(..name_length)? == b"GNU\0" && !content.is_empty() {
            return Some(content);
        }
        notes = rest.get(begin.checked_add(length.checked_next_multiple_of(align)?)?..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_known() {
        let program = program().unwrap();
        assert!(program.addresses.contains(&(super::program as fn() -> Option<Program> as usize)));
        assert!(!program.addresses.contains(&(libc::abort as *const () as usize)));
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes() {
        let note = |name: &[u8], kind: u32, content: &[u8]| {
            let mut note: Vec<u8> = Vec::new();
            for word in [name.len() as u32, content.len() as u32, kind] {
                note.extend(word.to_ne_bytes());
            }
            for part in [name, content] {
                note.extend(part);
                note.resize(note.len().next_multiple_of(4), 0);
            }
            note
        };
        let other = note(b"stapsdt\0", 3, b"12345");
        let own = note(b"GNU\0", 3, b"0123456789");
        let all = [other.clone(), note(b"GNU\0", 1, b"abi"), own].concat();
        assert_eq!(build_id_in(&all, 4), Some(&b"0123456789"[..]));
        assert_eq!(build_id_in(&other, 4), None);
        for end in 0..all.len() - 2 {
            assert_eq!(build_id_in(&all[..end], 4), None, "cut at {end}");
        }
        assert_eq!(build_id_in(&[0xff; 64], 4), None);
    }
}
