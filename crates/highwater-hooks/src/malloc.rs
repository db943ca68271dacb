//! The functions in front of the C library's that allocate memory. The blocks of any allocator that takes its
//! blocks one by one from the C library are written down in the ledgers of `highwater-ledger`.
//!
//! The symbols are weak, so that a program with a `malloc` of its own is linked as without them. Each is a
//! jump into a function of Rust's that also gets the caller's address: a block that the C library allocates
//! for itself is not the program's.
//!
//! Looking up the function behind ours may itself allocate; that block is the C library's, by the names that
//! it has for itself.

use std::arch::global_asm;
use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use highwater_ledger::raw;

use crate::next::Next;

// Only the return address is added, behind the arguments that the function has.
#[cfg(target_arch = "x86_64")]
macro_rules! in_front {
    ($name:literal, $function:path, $behind:literal) => {
        global_asm!(
            concat!(".pushsection .text.highwater_", $name, ",\"ax\",@progbits"),
            concat!(".weak ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            "endbr64",
            concat!("mov ", $behind, ", [rsp]"),
            "jmp {function}",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            function = sym $function,
        );
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! in_front {
    ($name:literal, $function:path, $behind:literal) => {
        global_asm!(
            concat!(".pushsection .text.highwater_", $name, ",\"ax\",@progbits"),
            ".p2align 2",
            concat!(".weak ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            "hint #34",
            concat!("mov ", $behind, ", x30"),
            "b {function}",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            function = sym $function,
        );
    };
}

#[cfg(target_arch = "x86_64")]
mod symbols {
    use super::*;

    in_front!("malloc", malloc_for, "rsi");
    in_front!("valloc", valloc_for, "rsi");
    in_front!("free", free_for, "rsi");
    in_front!("calloc", calloc_for, "rdx");
    in_front!("realloc", realloc_for, "rdx");
    in_front!("aligned_alloc", aligned_alloc_for, "rdx");
    in_front!("memalign", memalign_for, "rdx");
    in_front!("posix_memalign", posix_memalign_for, "rcx");
    in_front!("reallocarray", reallocarray_for, "rcx");
}

#[cfg(target_arch = "aarch64")]
mod symbols {
    use super::*;

    in_front!("malloc", malloc_for, "x1");
    in_front!("valloc", valloc_for, "x1");
    in_front!("free", free_for, "x1");
    in_front!("calloc", calloc_for, "x2");
    in_front!("realloc", realloc_for, "x2");
    in_front!("aligned_alloc", aligned_alloc_for, "x2");
    in_front!("memalign", memalign_for, "x2");
    in_front!("posix_memalign", posix_memalign_for, "x3");
    in_front!("reallocarray", reallocarray_for, "x3");
}

// SAFETY: the declarations are glibc's, which exports these names for programs with functions in front of its
// own.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

/// Alignment of what is allocated without a word on it.
const ALIGN: usize = 16;

/// Where the program's own code lies, and the code of Rust's library if it is one by itself: first address
/// and length.
static CODE: [(AtomicUsize, AtomicUsize); 2] = [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; 2];

/// From now on blocks are written down. Before that no code is the program's.
pub fn follow_blocks() {
    let mut first = true;
    let mut visit = |name: &[u8], start: usize, length: usize| {
        let is_library = name.windows(8).any(|it| it == b"/libstd-");
        if mem::take(&mut first) || is_library {
            let (place, long) = &CODE[usize::from(is_library)];
            place.store(start, Ordering::Relaxed);
            long.store(length, Ordering::Release);
        }
    };
    let mut visit: &mut dyn FnMut(&[u8], usize, usize) = &mut visit;
    // SAFETY: the function is given this pointer back, and only while this call lasts.
    unsafe { libc::dl_iterate_phdr(Some(show), (&raw mut visit).cast()) };
}

unsafe extern "C" fn show(info: *mut libc::dl_phdr_info, _size: usize, visit: *mut c_void) -> c_int {
    // SAFETY: the loader gives a pointer to a record of this type, and `follow_blocks` the one to its
    // function.
    let (info, visit) = unsafe { (&*info, &mut *visit.cast::<&mut dyn FnMut(&[u8], usize, usize)>()) };
    // SAFETY: the loader says where the headers are and how many.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let name: &[u8] = match info.dlpi_name.is_null() {
        true => b"",
        // SAFETY: the loader's text ends with a zero.
        false => unsafe { std::ffi::CStr::from_ptr(info.dlpi_name.cast::<c_char>()) }.to_bytes(),
    };
    let code = headers.iter().find(|it| it.p_type == libc::PT_LOAD && it.p_flags & libc::PF_X != 0);
    if let Some(code) = code
        && let (Ok(start), Ok(length)) =
            (usize::try_from(info.dlpi_addr + code.p_vaddr), usize::try_from(code.p_memsz))
    {
        visit(name, start, length);
    }
    0
}

/// Whether an address is in the program's own code. Written out, since it is asked of every block, mostly in
/// code that is not optimized.
#[inline]
fn is_program(caller: usize) -> bool {
    let is_in = |code: &(AtomicUsize, AtomicUsize)| {
        caller.wrapping_sub(code.0.load(Ordering::Relaxed)) < code.1.load(Ordering::Relaxed)
    };
    is_in(&CODE[0]) || is_in(&CODE[1])
}

/// Writes a block down if it is wanted, and returns it.
#[inline]
fn written_down(block: *mut c_void, size: usize, align: usize, caller: usize) -> *mut c_void {
    if raw::wants(align) && is_program(caller) {
        // SAFETY: the function behind has just allocated it so, and everything that frees it or moves it
        // passes through here.
        unsafe { raw::add(block.cast(), size, align) };
    }
    block
}

/// The functions behind ours. They are looked up together, when the first one is called: that is `malloc`, in
/// a moment in which the loader is not about to free what it says of an error, which a look-up would free as
/// well.
static MALLOC: Next = Next::new(c"malloc");
static VALLOC: Next = Next::new(c"valloc");
static FREE: Next = Next::new(c"free");
static CALLOC: Next = Next::new(c"calloc");
static REALLOC: Next = Next::new(c"realloc");
static ALIGNED_ALLOC: Next = Next::new(c"aligned_alloc");
static MEMALIGN: Next = Next::new(c"memalign");
static POSIX_MEMALIGN: Next = Next::new(c"posix_memalign");

/// The address of a function behind ours; null while they are being looked up.
#[inline]
fn behind(next: &Next) -> *mut c_void {
    let found = next.found();
    if found.is_null() { look_up(next) } else { found }
}

#[cold]
fn look_up(next: &Next) -> *mut c_void {
    static IS_LOOKING: AtomicBool = AtomicBool::new(false);
    if IS_LOOKING.swap(true, Ordering::Relaxed) {
        return ptr::null_mut();
    }
    for each in [&MALLOC, &VALLOC, &FREE, &CALLOC, &REALLOC, &ALIGNED_ALLOC, &MEMALIGN, &POSIX_MEMALIGN] {
        each.address();
    }
    IS_LOOKING.store(false, Ordering::Relaxed);
    next.address()
}

/// Calls the function of a name that stands behind ours, or the one that stands for it.
macro_rules! pass_on {
    ($next:ident, fn($($kind:ty),*) -> $result:ty, ($($argument:expr),*), $other:expr) => {{
        let next = behind(&$next);
        if next.is_null() {
            $other
        } else {
            // SAFETY: this is the address of the function of that name, which is of this type.
            let next = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> $result>(next) };
            // SAFETY: the caller promises what the function asks for.
            unsafe { next($($argument),*) }
        }
    }};
}

// SAFETY: the jumps above are the only callers: who calls them promises what the C library's manual asks of a
// call of that name.
unsafe extern "C" fn malloc_for(size: usize, caller: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    let block = pass_on!(MALLOC, fn(usize) -> *mut c_void, (size), unsafe { __libc_malloc(size) });
    written_down(block, size, ALIGN, caller)
}

// SAFETY: as above.
unsafe extern "C" fn valloc_for(size: usize, caller: usize) -> *mut c_void {
    const PAGE: usize = 4096;
    // SAFETY: any size may be asked for.
    let block = pass_on!(VALLOC, fn(usize) -> *mut c_void, (size), unsafe { __libc_memalign(PAGE, size) });
    written_down(block, size, PAGE, caller)
}

// SAFETY: as above.
unsafe extern "C" fn calloc_for(count: usize, size: usize, caller: usize) -> *mut c_void {
    let block = pass_on!(
        CALLOC,
        fn(usize, usize) -> *mut c_void,
        (count, size),
        // SAFETY: any size may be asked for.
        unsafe { __libc_calloc(count, size) }
    );
    written_down(block, count.wrapping_mul(size), ALIGN, caller)
}

// SAFETY: as above.
unsafe extern "C" fn aligned_alloc_for(align: usize, size: usize, caller: usize) -> *mut c_void {
    let block = pass_on!(
        ALIGNED_ALLOC,
        fn(usize, usize) -> *mut c_void,
        (align, size),
        // SAFETY: any size and alignment may be asked for.
        unsafe { __libc_memalign(align, size) }
    );
    written_down(block, size, align, caller)
}

// SAFETY: as above.
unsafe extern "C" fn memalign_for(align: usize, size: usize, caller: usize) -> *mut c_void {
    let block = pass_on!(
        MEMALIGN,
        fn(usize, usize) -> *mut c_void,
        (align, size),
        // SAFETY: any size and alignment may be asked for.
        unsafe { __libc_memalign(align, size) }
    );
    written_down(block, size, align, caller)
}

// SAFETY: as above.
unsafe extern "C" fn posix_memalign_for(
    place: *mut *mut c_void,
    align: usize,
    size: usize,
    caller: usize,
) -> c_int {
    let result =
        pass_on!(POSIX_MEMALIGN, fn(*mut *mut c_void, usize, usize) -> c_int, (place, align, size), {
            // SAFETY: any size and alignment may be asked for.
            let block = unsafe { __libc_memalign(align, size) };
            if block.is_null() {
                libc::ENOMEM
            } else {
                // SAFETY: the caller has space for a pointer there.
                unsafe { *place = block };
                0
            }
        });
    if result == 0 {
        // SAFETY: the function has written the block there.
        written_down(unsafe { *place }, size, align, caller);
    }
    result
}

/// Moves a block by `resize`, from which null comes when that could not be done.
fn moved(
    block: *mut c_void,
    size: usize,
    caller: usize,
    resize: impl FnOnce() -> *mut c_void,
) -> *mut c_void {
    let taken = raw::take(block.cast());
    let new = resize();
    if let Some(taken) = taken {
        // A size of 0 frees the block.
        if new.is_null() && size != 0 {
            taken.put_back(block.cast());
            return new;
        }
        taken.end();
    }
    if new.is_null() { new } else { written_down(new, size, ALIGN, caller) }
}

// SAFETY: as above.
unsafe extern "C" fn realloc_for(block: *mut c_void, size: usize, caller: usize) -> *mut c_void {
    moved(block, size, caller, || {
        pass_on!(
            REALLOC,
            fn(*mut c_void, usize) -> *mut c_void,
            (block, size),
            // SAFETY: the caller promises that the block is one.
            unsafe { __libc_realloc(block, size) }
        )
    })
}

// SAFETY: as above.
unsafe extern "C" fn reallocarray_for(
    block: *mut c_void,
    count: usize,
    size: usize,
    caller: usize,
) -> *mut c_void {
    let Some(all) = count.checked_mul(size) else {
        crate::next::set_error_number(libc::ENOMEM);
        return ptr::null_mut();
    };
    // SAFETY: the caller promises that the block is one.
    unsafe { realloc_for(block, all, caller) }
}

// SAFETY: as above.
unsafe extern "C" fn free_for(block: *mut c_void, _caller: usize) {
    if block.is_null() {
        return;
    }
    // SAFETY: the caller promises that the block has not been freed.
    unsafe { raw::frees(block.cast()) };
    // SAFETY: as above.
    pass_on!(FREE, fn(*mut c_void) -> (), (block), unsafe { __libc_free(block) });
}
