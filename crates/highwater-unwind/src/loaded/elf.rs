//! The modules that the loader of an ELF system lists, by `dl_iterate_phdr`.

use core::ffi::{CStr, c_void};
use core::ptr;

use highwater_lockfree::system::{map, unmap};

use super::build_id::gnu_build_id;
use crate::module::Module;

/// Calls `visit` for every executable mapping of the program and its shared libraries, the program first.
///
/// The loader's lock is held while they are listed. What `visit` does may wait for a thread that waits for
/// that lock, an allocator for one, so the list is copied first.
pub(crate) fn visit(visit: &mut dyn FnMut(Module<'_>)) {
    const LARGEST: usize = 64 << 20;
    let mut bytes = 64 << 10;
    while bytes <= LARGEST {
        let Some(start) = map(bytes) else { return };
        // SAFETY: just mapped, zeroed, and nobody else's until it is given back below.
        let memory = unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), bytes) };
        let mut list = ModuleList { memory, length: 0, has_room: true };
        list_modules(&mut list);
        let has_room = list.has_room;
        if has_room {
            list.visit(visit);
        }
        // SAFETY: the whole mapping, to which nothing refers any more.
        unsafe { unmap(start, bytes) };
        if has_room {
            return;
        }
        bytes *= 4;
    }
}

/// Modules one behind the other: their numbers, two lengths, and the bytes of path and build id.
struct ModuleList<'a> {
    memory: &'a mut [u8],
    length: usize,
    has_room: bool,
}

impl ModuleList<'_> {
    fn add(&mut self, module: Module<'_>) {
        let Module { start, limit, file_offset, elf_start, begins_aligned, path, build_id } = module;
        let numbers = [start, limit, file_offset, elf_start, u64::from(begins_aligned)];
        for number in numbers.into_iter().chain([path.len() as u64, build_id.len() as u64]) {
            self.write(&number.to_ne_bytes());
        }
        self.write(path);
        self.write(build_id);
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.memory.get_mut(self.length..self.length + bytes.len()) {
            Some(place) => place.copy_from_slice(bytes),
            None => self.has_room = false,
        }
        self.length += bytes.len();
    }

    fn visit(&self, visit: &mut dyn FnMut(Module<'_>)) {
        let mut rest = &self.memory[..self.length];
        while !rest.is_empty() {
            let mut take = |length: usize| {
                let (taken, left) = rest.split_at_checked(length)?;
                rest = left;
                Some(taken)
            };
            let mut numbers = [0; 7];
            for number in &mut numbers {
                match take(8).and_then(|it| it.try_into().ok()) {
                    Some(bytes) => *number = u64::from_ne_bytes(bytes),
                    None => return,
                }
            }
            let [start, limit, file_offset, elf_start, begins_aligned, path, build_id] = numbers;
            let (Some(path), Some(build_id)) = (take(path as usize), take(build_id as usize)) else { return };
            let begins_aligned = begins_aligned != 0;
            visit(Module { start, limit, file_offset, elf_start, begins_aligned, path, build_id });
        }
    }
}

/// Adds every executable mapping of the program and its shared libraries to `list`.
fn list_modules(list: &mut ModuleList<'_>) {
    /// # Safety
    /// `info` is the loader's description of a module, and `data` the address of a list that nobody else
    /// uses.
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> libc::c_int {
        // SAFETY: the loader passes a valid description, and `data` is the list handed to it below, which
        // nobody else uses until dl_iterate_phdr returns.
        let (info, list) = unsafe { (&*info, &mut *data.cast::<ModuleList<'_>>()) };
        // SAFETY: the loader states the number of program headers with the table.
        let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let base = info.dlpi_addr;
        let path: &[u8] = if info.dlpi_name.is_null() {
            b""
        } else {
            // SAFETY: the loader's names are C strings that live as long as the module.
            unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes()
        };
        let build_id = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_NOTE)
            // SAFETY: a PT_NOTE segment lies inside a loaded segment of the module, which stays mapped while
            // the loader's lock is held for us.
            .map(|header| unsafe {
                let start = (base + header.p_vaddr) as usize as *const u8;
                core::slice::from_raw_parts(start, header.p_memsz as usize)
            })
            .find_map(gnu_build_id)
            .unwrap_or_default();
        executable_parts(base, headers, path, build_id, &mut |module| list.add(module));
        0
    }

    // SAFETY: `each` has the required signature, and the list outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), ptr::from_mut(list).cast()) };
}

/// Calls `visit` for the executable parts of a module, as they lie in memory: the pages of its executable
/// segments.
fn executable_parts(
    base: u64,
    headers: &[libc::Elf64_Phdr],
    path: &[u8],
    build_id: &[u8],
    visit: &mut dyn FnMut(Module<'_>),
) {
    let page = page_bytes();
    let executable = |it: &&libc::Elf64_Phdr| it.p_type == libc::PT_LOAD && it.p_flags & libc::PF_X != 0;
    let mut all = headers.iter().filter(executable);
    let alone = all.next().filter(|_| all.next().is_none());
    let begins_aligned = alone.is_some_and(|it| it.p_vaddr.is_multiple_of(it.p_align.max(1)));
    for header in headers.iter().filter(executable) {
        let segment = base.wrapping_add(header.p_vaddr);
        let before = segment % page;
        visit(Module {
            start: segment - before,
            limit: segment.saturating_add(header.p_memsz).checked_next_multiple_of(page).unwrap_or(u64::MAX),
            // Both are as far from the start of their page.
            file_offset: header.p_offset.saturating_sub(before),
            elf_start: header.p_vaddr.wrapping_sub(before),
            begins_aligned,
            path,
            build_id,
        });
    }
}

fn page_bytes() -> u64 {
    // SAFETY: sysconf may be asked for anything.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) })
        .ok()
        .filter(|it| it.is_power_of_two())
        .unwrap_or(4096)
}
