//! Where the calling thread's stack is, so that no walk reads beyond it.
//!
//! The C library knows, but asks its own allocator for memory to say it, which a signal handler must not wait for. So the
//! kernel's list of mappings is read instead, by system calls alone, once a thread.

use core::cell::Cell;
use core::ffi::CStr;
use core::ops::Range;

use super::cfi;

thread_local! {
    /// The calling thread's stack; an empty range while that is not known.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// How often it was looked for in vain.
    static FAILURES: Cell<u8> = const { Cell::new(0) };
}

/// Searches after which a thread that never runs on its own stack is left to the system's unwinder.
const PATIENCE: u8 = 8;

/// The calling thread's stack, if `stack_pointer` is within it: code may run on a stack of its own (a coroutine, a signal
/// handler), which may be gone or smaller the next time that something is found at its address.
#[inline(always)]
pub(super) fn stack_bounds(stack_pointer: usize) -> Option<Range<usize>> {
    let (start, end) = STACK.get();
    if (start..end).contains(&stack_pointer) {
        return Some(start..end);
    }
    find(stack_pointer)
}

#[cold]
fn find(stack_pointer: usize) -> Option<Range<usize>> {
    if STACK.get() != (0, 0) || FAILURES.get() >= PATIENCE || !cfi::is_available() {
        return None;
    }
    let found = mapping_of(stack_pointer).and_then(|it| it.own_stack());
    match &found {
        Some(stack) => STACK.set((stack.start, stack.end)),
        None => FAILURES.set(FAILURES.get() + 1),
    }
    found
}

/// A line of the kernel's list.
struct Mapping {
    range: Range<usize>,
    is_main_stack: bool,
}

impl Mapping {
    /// The part of the mapping that is the calling thread's stack, if it is that at all.
    fn own_stack(&self) -> Option<Range<usize>> {
        if self.is_main_stack || self.range.contains(&top_of_main_stack()) {
            // It grows downwards, to where its limit allows.
            return Some(self.range.end.saturating_sub(stack_limit())..self.range.end);
        }
        // SAFETY: pthread_self has no preconditions. In glibc it is the address of the thread's control block, which
        // lies on top of the stack that the thread was given.
        let control_block = unsafe { libc::pthread_self() } as usize;
        self.range.contains(&control_block).then(|| self.range.start..control_block / 8 * 8)
    }
}

/// An address on top of the main thread's stack, where the kernel puts a few random bytes for the program. Under an
/// emulator such as valgrind the kernel has another stack by the name of the main thread's.
fn top_of_main_stack() -> usize {
    // SAFETY: getauxval has no preconditions.
    usize::try_from(unsafe { libc::getauxval(libc::AT_RANDOM) }).unwrap_or(0)
}

/// What the main thread's stack may grow to, in bytes.
fn stack_limit() -> usize {
    const UNLIMITED: usize = 1 << 30;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: there is room for the result.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) } != 0;
    if failed { UNLIMITED } else { usize::try_from(limit.rlim_cur).unwrap_or(UNLIMITED).min(UNLIMITED) }
}

/// The mapping that holds an address.
fn mapping_of(address: usize) -> Option<Mapping> {
    const LIST: &CStr = c"/proc/self/maps";
    // SAFETY: the path is a C string.
    let file = unsafe { libc::open(LIST.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    let mut search = Search::new(address);
    let mut buffer = [0_u8; 1024];
    let found = loop {
        // SAFETY: the buffer has that many bytes.
        let length = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
        match usize::try_from(length) {
            Ok(length @ 1..) => {
                if let Some(found) = buffer[..length].iter().find_map(|&byte| search.next(byte)) {
                    break Some(found);
                }
            }
            // An interrupted call, which does not happen to files of this kind, would end the search as well.
            _ => break None,
        }
    };
    // SAFETY: the file was opened above and is used by nobody else.
    unsafe { libc::close(file) };
    found
}

/// Reads the list byte by byte. A line is `start-end rights offset device inode path`, the first two in hexadecimal.
struct Search {
    address: usize,
    start: usize,
    end: usize,
    part: Part,
    /// The last bytes of the line.
    tail: [u8; 7],
}

#[derive(Clone, Copy)]
enum Part {
    Start,
    End,
    Rest,
}

impl Search {
    fn new(address: usize) -> Self {
        Self { address, start: 0, end: 0, part: Part::Start, tail: [0; 7] }
    }

    /// Takes the next byte of the list; the result is there with the last byte of its line.
    fn next(&mut self, byte: u8) -> Option<Mapping> {
        if byte == b'\n' {
            let line = core::mem::replace(self, Self::new(self.address));
            let range = line.start..line.end;
            let is_main_stack = &line.tail == b"[stack]";
            return range.contains(&self.address).then_some(Mapping { range, is_main_stack });
        }
        let digit = (byte as char).to_digit(16).map(|it| it as usize);
        match (self.part, digit) {
            (Part::Start, Some(digit)) => self.start = self.start << 4 | digit,
            (Part::Start, None) => self.part = Part::End,
            (Part::End, Some(digit)) => self.end = self.end << 4 | digit,
            (Part::End, None) => self.part = Part::Rest,
            (Part::Rest, _) => {
                self.tail.rotate_left(1);
                self.tail[6] = byte;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(list: &str, address: usize) -> Option<(Range<usize>, bool)> {
        let mut search = Search::new(address);
        list.bytes().find_map(|byte| search.next(byte)).map(|it| (it.range, it.is_main_stack))
    }

    #[test]
    fn the_line_with_the_address_is_found() {
        let list = "1000-2000 r-xp 00000000 08:01 1 /bin/a\n\
                    7ffc0000-7ffd0000 rw-p 00000000 00:00 0  [stack]\n\
                    ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
        assert_eq!(search(list, 0x1fff), Some((0x1000..0x2000, false)));
        assert_eq!(search(list, 0x2000), None);
        assert_eq!(search(list, 0x7ffc_1234), Some((0x7ffc_0000..0x7ffd_0000, true)));
        assert_eq!(search("", 1), None);
    }

    #[test]
    fn every_thread_finds_its_own_stack() {
        fn check() {
            let local = 0_u8;
            let here = core::ptr::from_ref(&local).addr();
            let own = mapping_of(here).and_then(|it| it.own_stack()).unwrap();
            assert!(own.contains(&here));
            let heap = Box::new(0_u8);
            assert!(
                mapping_of(core::ptr::from_ref(&*heap).addr())
                    .unwrap()
                    .own_stack()
                    .is_none_or(|it| it != own)
            );
        }
        check();
        std::thread::spawn(check).join().unwrap();
        std::thread::Builder::new().stack_size(70_000).spawn(check).unwrap().join().unwrap();
    }
}
