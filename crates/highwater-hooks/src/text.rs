//! What constants the program has, as they lie in memory.

use std::ffi::{c_int, c_void};

/// Calls `visit` for each piece of the program's memory that holds its constants: what cannot be written to
/// and is no table for unwinding. It has code in it where the linker did not keep that apart.
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
    for (header, limit) in with_constants(headers) {
        let Ok(length) = usize::try_from(limit - header.p_vaddr) else { continue };
        let Ok(start) = usize::try_from(info.dlpi_addr + header.p_vaddr) else { continue };
        // SAFETY: the loader has mapped this to be read, from the file, and a program is never unmapped.
        visit(unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(start), length) });
    }
    // The program is the first; libraries are not asked for.
    1
}

/// The segments that hold constants, and where these end in each.
fn with_constants(headers: &[libc::Elf64_Phdr]) -> impl Iterator<Item = (&libc::Elf64_Phdr, u64)> {
    let loaded = || headers.iter().filter(|it| it.p_type == libc::PT_LOAD);
    let is_constant = |it: &libc::Elf64_Phdr| it.p_flags == libc::PF_R;
    let has_own = loaded().any(is_constant);
    let unwinding = headers.iter().find(|it| it.p_type == libc::PT_GNU_EH_FRAME).map(|it| it.p_vaddr);
    loaded().filter_map(move |it| {
        let end = it.p_vaddr + it.p_memsz;
        // Linkers put these tables behind the constants.
        let tables = unwinding.filter(|table| (it.p_vaddr..end).contains(table));
        // GNU's linker puts both behind the code on some architectures and where it is asked to, gold always.
        let is_mixed = it.p_flags == libc::PF_R | libc::PF_X && (tables.is_some() || !has_own);
        (is_constant(it) || is_mixed).then_some((it, tables.unwrap_or(end)))
    })
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

    #[test]
    fn constants_are_found_however_the_program_was_linked() {
        let header = |p_type: u32, p_flags: u32, place: std::ops::Range<u64>| libc::Elf64_Phdr {
            p_type,
            p_flags,
            p_offset: 0,
            p_vaddr: place.start,
            p_paddr: 0,
            p_filesz: place.end - place.start,
            p_memsz: place.end - place.start,
            p_align: 8,
        };
        let load = |flags, place| header(libc::PT_LOAD, flags, place);
        let (read, run, write) = (libc::PF_R, libc::PF_R | libc::PF_X, libc::PF_R | libc::PF_W);
        let tables = |place| header(libc::PT_GNU_EH_FRAME, read, place);
        let found = |headers: &[libc::Elf64_Phdr]| -> Vec<(u64, u64)> {
            with_constants(headers).map(|(it, end)| (it.p_vaddr, end)).collect()
        };
        let apart =
            [load(read, 0..10), load(run, 20..30), load(read, 40..60), load(write, 70..90), tables(50..55)];
        assert_eq!(found(&apart), [(0, 10), (40, 50)]);
        let mixed = [load(run, 0..60), load(write, 70..90), tables(50..55)];
        assert_eq!(found(&mixed), [(0, 50)]);
        assert_eq!(found(&mixed[..2]), [(0, 60)], "without tables");
        let headers_apart = [load(read, 0..10), load(run, 20..60), tables(50..55)];
        assert_eq!(found(&headers_apart), [(0, 10), (20, 50)]);
    }
}
