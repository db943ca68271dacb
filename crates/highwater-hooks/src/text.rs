//! What constants the program has, as they lie in memory.

use std::ffi::{c_int, c_void};

/// Calls `visit` for each piece of the program's memory that holds its constants: what cannot be written to
/// or run, and is no table for unwinding.
pub fn visit_constants(mut visit: impl FnMut(&'static [u8])) {
    let mut visit: &mut dyn FnMut(&'static [u8]) = &mut visit;
    // SAFETY: the function is given this pointer back, and only while this call lasts.
    unsafe { libc::dl_iterate_phdr(Some(show), (&raw mut visit).cast()) };
}

unsafe extern "C" fn show(info: *mut libc::dl_phdr_info, _size: usize, visit: *mut c_void) -> c_int {
    // SAFETY: the loader gives a pointer to a record of this type, and `visit_constants` the one to its
    // function.
    let (info, visit) = unsafe { (&*info, &mut *visit.cast::<&mut dyn FnMut(&'static [u8])>()) };
    // SAFETY: the loader says where the program's headers are and how many. They stay where they are.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let unwinding = headers.iter().find(|it| it.p_type == libc::PT_GNU_EH_FRAME).map(|it| it.p_vaddr);
    for header in headers.iter().filter(|it| it.p_type == libc::PT_LOAD && it.p_flags == libc::PF_R) {
        let limit = header.p_vaddr + header.p_memsz;
        // Linkers put these tables behind the constants.
        let limit = unwinding.filter(|it| (header.p_vaddr..limit).contains(it)).unwrap_or(limit);
        let Ok(length) = usize::try_from(limit - header.p_vaddr) else { continue };
        let Ok(start) = usize::try_from(info.dlpi_addr + header.p_vaddr) else { continue };
        // SAFETY: the loader has mapped this to be read, from the file, and a program is never unmapped.
        visit(unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(start), length) });
    }
    // The program is the first; libraries are not asked for.
    1
}

/// Place of the first `needle` in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    // SAFETY: both come with their lengths.
    let found =
        unsafe { libc::memmem(bytes.as_ptr().cast(), bytes.len(), needle.as_ptr().cast(), needle.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_this_program_are_found_and_others_are_not() {
        let has = |needle: &[u8]| {
            let mut has = false;
            visit_constants(|bytes| has |= find(bytes, needle).is_some());
            has
        };
        let message = std::hint::black_box("a constant that is nowhere else");
        assert!(has(message.as_bytes()));
        let other: Vec<u8> = message.bytes().rev().collect();
        assert!(!has(&other));
        assert_eq!(find(b"abcabd", b"abd"), Some(3));
    }
}
