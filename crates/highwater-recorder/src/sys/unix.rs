//! Unix: thread exit by a pthread key, modules by `dl_iterate_phdr`.

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use highwater_lockfree::system::{map, unmap};

use super::Module;

/// The value of an environment variable, without the lock and the copy of `std::env::var`.
pub(crate) fn environment(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: `name` is a C string. The result points into the environment of the process; it is read once, at
    // the first allocation, which is before any code that could change the environment runs.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes())
    }
}

/// Writes to standard error as far as that is possible.
pub(crate) fn write_to_stderr(text: &[u8]) {
    // SAFETY: the pointer and the length are those of a slice.
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

/// The module that holds an address of code, by where it begins; `None` when the loader knows of none. Takes the loader's lock.
fn module_of(code: *const ()) -> Option<libc::Dl_info> {
    let mut info = core::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: any address may be asked for, and there is room for the result.
    let found = unsafe { libc::dladdr(code.cast(), info.as_mut_ptr()) } != 0;
    // SAFETY: it is filled in when something was found.
    found.then(|| unsafe { info.assume_init() })
}

/// Whether the standard library is a shared one (`-C prefer-dynamic`). It then frees with an allocator of its own what the
/// program has allocated with its global one. Takes the loader's lock.
pub(crate) fn has_shared_std() -> bool {
    // A function that is never copied into the program.
    let [own, std] =
        [has_shared_std as fn() -> bool as *const (), std::process::abort as fn() -> ! as *const ()];
    match (module_of(own), module_of(std)) {
        (Some(own), Some(std)) => own.dli_fbase != std.dli_fbase,
        _ => false,
    }
}

/// Has the shared library that this is part of, if it is, stay loaded as long as the process runs: threads that end call it,
/// as does every fork. To be called once, early: it takes the loader's lock.
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
    // SAFETY: the name is the loader's own, a C string that lives as long as the module. It is loaded already, so no
    // constructor runs; the handle, one more reference, is meant to be kept.
    unsafe { libc::dlopen(own.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
}

/// Tells when a thread ends. A pthread key's destructor runs behind those of Rust's thread-locals, and needs no
/// memory to be registered.
pub(crate) struct ExitHook {
    /// The key plus one, because 0 is a valid key; 0 until installed.
    key: AtomicU64,
}

impl ExitHook {
    pub(crate) const fn new() -> Self {
        Self { key: AtomicU64::new(0) }
    }

    /// Makes `destructor` be called with what a thread passed to [`Self::arm`]. To be called once.
    // SAFETY of calling it: the C library does, with what `arm` was given in that thread, and once for each time.
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

/// Where the function begins that has the instruction at `address`, by the tables for unwinding; `None` without one.
pub(crate) fn function_at(address: usize) -> Option<usize> {
    // SAFETY: the unwinder that the standard library is linked with declares the function with this type.
    unsafe extern "C" {
        fn _Unwind_FindEnclosingFunction(address: *const c_void) -> *const c_void;
    }
    // SAFETY: any address may be asked for.
    let start = unsafe { _Unwind_FindEnclosingFunction(ptr::without_provenance(address)) };
    (!start.is_null()).then(|| start.addr())
}

/// Calls `visit` for every executable mapping of the program and its shared libraries, the program first.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn visit_modules(_visit: &mut dyn FnMut(Module<'_>)) {}

/// Calls `visit` for every executable mapping of the program and its shared libraries, the program first.
///
/// The loader's lock is held while they are listed. What `visit` does may wait for somebody who waits for that lock, an
/// allocator for one, so the list is copied first.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn visit_modules(visit: &mut dyn FnMut(Module<'_>)) {
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
#[cfg(any(target_os = "linux", target_os = "android"))]
struct ModuleList<'a> {
    memory: &'a mut [u8],
    length: usize,
    has_room: bool,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
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
#[cfg(any(target_os = "linux", target_os = "android"))]
fn list_modules(list: &mut ModuleList<'_>) {
    /// # Safety
    /// `info` is the loader's description of a module, and `data` the address of a list that nobody else uses.
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> libc::c_int {
        // SAFETY: the loader passes a valid description, and `data` is the list handed to it below, which nobody else
        // uses until dl_iterate_phdr returns.
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

/// Calls `visit` for the executable parts of a module, as they lie in memory: the pages of its executable segments.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn executable_parts(
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

/// The GNU build id of a loaded library, empty when it has none. `base` is what its tables' addresses are less than those
/// in memory.
///
/// # Safety
/// A library is loaded at `start`, and stays so while the result is used.
#[cfg(target_os = "linux")]
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

#[cfg(any(target_os = "linux", target_os = "android"))]
fn page_bytes() -> u64 {
    // SAFETY: sysconf may be asked for anything.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) })
        .ok()
        .filter(|it| it.is_power_of_two())
        .unwrap_or(4096)
}

/// The build id in the content of a note segment: notes are (name size, content size, type, name, content),
/// the last two padded to four bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn gnu_build_id(mut notes: &[u8]) -> Option<&[u8]> {
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
