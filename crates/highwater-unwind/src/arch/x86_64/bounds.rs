//! Where the calling thread's stack is, so that no walk reads beyond it.
//!
//! The C library knows, but asks its own allocator for memory to say it, which a signal handler must not wait
//! for. The kernel knows, but its list is a file, which a program that has locked itself in (seccomp, a
//! chroot) may not open any more. So what the C library knows is read where it keeps it: in the thread's
//! control block. The main thread's stack is known from the start.

use core::cell::Cell;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::object;

thread_local! {
    /// The calling thread's stack; [`UNKNOWN`] until it was looked for.
    static STACK: Cell<(usize, usize)> = const { Cell::new(UNKNOWN) };
}

const UNKNOWN: (usize, usize) = (0, 0);

/// The main thread's stack: what it may grow to, and where it ends.
static MAIN: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));

/// Bytes of a control block that are read. The C library tells its size to debuggers; this is what it was at
/// the least.
static CONTROL_BLOCK_BYTES: AtomicUsize = AtomicUsize::new(2304);

/// Asks the system for all that is needed later. To be called once, before the first walk.
pub(super) fn start() {
    let end = top_of_main_stack() / 8 * 8;
    MAIN.0.store(end.saturating_sub(stack_limit()), Relaxed);
    MAIN.1.store(end, Relaxed);
    // SAFETY: the name is a C string.
    let size = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_thread_db_sizeof_pthread".as_ptr()) };
    // SAFETY: the symbol is null or a constant of the C library, of this type.
    if let Some(&bytes) = unsafe { size.cast::<u32>().as_ref() } {
        CONTROL_BLOCK_BYTES.store(bytes as usize, Relaxed);
    }
}

/// The calling thread's stack, if `stack_pointer` is within it: code may run on a stack of its own (a
/// coroutine, a signal handler), which may be gone or smaller the next time that something is found at its
/// address.
#[inline(always)]
pub(super) fn stack_bounds(stack_pointer: usize) -> Option<Range<usize>> {
    let (start, end) = STACK.get();
    if (start..end).contains(&stack_pointer) {
        return Some(start..end);
    }
    find(stack_pointer)
}

/// Where that stack ends.
#[inline(always)]
pub(crate) fn stack_end(stack_pointer: usize) -> Option<usize> {
    stack_bounds(stack_pointer).map(|bounds| bounds.end)
}

#[cold]
fn find(stack_pointer: usize) -> Option<Range<usize>> {
    if STACK.get() != UNKNOWN || !object::is_available() {
        return None;
    }
    let stack = own_stack();
    STACK.set((stack.start, stack.end));
    stack.contains(&stack_pointer).then_some(stack)
}

/// The stack that the calling thread was given. One that was given none is the main thread.
fn own_stack() -> Range<usize> {
    // SAFETY: pthread_self has no preconditions. In glibc it is the address of the thread's control block,
    // which lies on top of the stack that the thread was given.
    let control_block = unsafe { libc::pthread_self() } as usize;
    let words = CONTROL_BLOCK_BYTES.load(Relaxed) / size_of::<usize>();
    // SAFETY: the block has this many words, and exists as long as the calling thread. Another thread may
    // write to some of them meanwhile (its links to its neighbours), so each is read as an atomic.
    let words = unsafe {
        core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<AtomicUsize>(control_block), words)
    };
    let main = || MAIN.0.load(Relaxed)..MAIN.1.load(Relaxed);
    given_stack(control_block, words).unwrap_or_else(main)
}

/// The stack that a control block describes in four words: where its memory begins, its bytes, the bytes of
/// the guard at its start, and the guard that was asked for. They are known by what holds for no other words:
/// the block itself lies in that memory, and near to its end.
fn given_stack(control_block: usize, words: &[AtomicUsize]) -> Option<Range<usize>> {
    /// Behind the block is nothing but what rounds it up to a page.
    const MOST_BEHIND: usize = 1 << 20;
    words.windows(4).find_map(|it| {
        let [start, bytes, guard, asked_guard] = [0, 1, 2, 3].map(|index: usize| it[index].load(Relaxed));
        let behind = start.checked_add(bytes)?.checked_sub(control_block)?;
        // A small number in front of a pointer would make the same sum.
        let is_address = start > control_block / 2 && start < control_block;
        let is_stack = is_address && bytes >= 2048 && (1..=MOST_BEHIND).contains(&behind);
        let has_guard = guard < bytes && asked_guard <= bytes && start % 8 == 0;
        (is_stack && has_guard).then(|| start + guard..control_block / 8 * 8)
    })
}

/// An address on top of the main thread's stack, where the kernel puts a few random bytes for the program.
/// All frames lie below it.
fn top_of_main_stack() -> usize {
    // SAFETY: getauxval has no preconditions.
    usize::try_from(unsafe { libc::getauxval(libc::AT_RANDOM) }).unwrap_or(0)
}

/// What the main thread's stack may grow to, in bytes.
fn stack_limit() -> usize {
    const UNLIMITED: usize = 1 << 30;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: there is space for the result.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) } != 0;
    if failed { UNLIMITED } else { usize::try_from(limit.rlim_cur).unwrap_or(UNLIMITED).min(UNLIMITED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_known_by_the_block_that_lies_in_it() {
        let block = 0x7f00_0080_0700;
        let given = |words: &[usize]| {
            let words: Vec<AtomicUsize> = words.iter().map(|&it| AtomicUsize::new(it)).collect();
            given_stack(block, &words)
        };
        let (start, bytes) = (0x7f00_0060_0000, 0x20_1000);
        let noise = [block, block, 0, 7, block + 8, usize::MAX, 1];
        assert_eq!(given(&[&noise[..], &[start, bytes, 4096, 4096]].concat()), Some(start + 4096..block));
        assert_eq!(given(&[start, bytes, 0, 0]), Some(start..block));
        // The main thread's, and memory that ends below the block or far above it.
        assert_eq!(given(&[&noise[..], &[0, 0, 0, 0]].concat()), None);
        assert_eq!(given(&[0, block + 784, 0, 0]), None);
        assert_eq!(given(&[start, 0x20_0000, 4096, 4096]), None);
        assert_eq!(given(&[start, 1 << 30, 4096, 4096]), None);
    }

    /// What the C library says of the calling thread's stack, without the guard.
    fn told() -> Range<usize> {
        let (mut start, mut bytes) = (core::ptr::null_mut(), 0);
        // SAFETY: zeroes are valid for the attributes, there is space for the results, and what is filled in
        // is given back.
        unsafe {
            let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
            assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), &mut attributes), 0);
            assert_eq!(libc::pthread_attr_getstack(&attributes, &mut start, &mut bytes), 0);
            libc::pthread_attr_destroy(&mut attributes);
        }
        start.addr()..start.addr() + bytes
    }

    #[test]
    fn every_thread_finds_its_own_stack() {
        fn check() {
            start();
            let local = 0_u8;
            let own = own_stack();
            assert!(own.contains(&core::ptr::from_ref(&local).addr()));
            let told = told();
            assert_eq!(own.start, told.start);
            assert!(told.contains(&(own.end - 1)) && told.end - own.end < 64 << 10, "{own:x?} {told:x?}");
        }
        std::thread::spawn(check).join().unwrap();
        for bytes in [17_000, 70_000, 64 << 20] {
            std::thread::Builder::new().stack_size(bytes).spawn(check).unwrap().join().unwrap();
        }
    }

    #[test]
    fn the_main_stack_is_known_from_the_start() {
        start();
        let [start, end] = [&MAIN.0, &MAIN.1].map(|it| it.load(Relaxed));
        let list = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = list.lines().find(|it| it.ends_with("[stack]")).unwrap();
        let (from, rest) = line.split_once('-').unwrap();
        let to = rest.split(' ').next().unwrap();
        let [from, to] = [from, to].map(|it| usize::from_str_radix(it, 16).unwrap());
        assert!(start < from && (from..to).contains(&end), "{start:x} {end:x} {line}");
    }
}
