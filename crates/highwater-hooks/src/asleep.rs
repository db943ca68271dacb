//! Where a thread is that sleeps in the kernel: read from what the kernel says of it and from a copy of its
//! stack.
//!
//! The thread is not disturbed. A signal would end the system calls that the kernel never restarts, such as
//! `poll`, `epoll_wait`, `pause`, and `recv` with a timeout, and often the thread with them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::stack::MOST_FRAMES;

/// Words of a stack that are copied: half a MiB.
const MOST_WORDS: usize = 1 << 16;
/// How often a thread is looked at that moves on meanwhile.
const MOST_LOOKS: usize = 4;

/// What can be seen of a thread from outside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It sleeps: the addresses of its calls, innermost first, each inside of its instruction.
    Asleep {
        frames: Vec<usize>,
        /// Whether the calls go on to where the thread began.
        is_whole: bool,
        /// The number of the system call that it sleeps in, if it is in one.
        call: Option<i64>,
    },
    /// It runs.
    Running,
    /// The kernel does not tell.
    Untold,
}

/// Looks at the thread with this number.
pub(crate) fn look(tid: u32) -> Sight {
    let path = format!("/proc/self/task/{tid}/syscall");
    let mut sight = Sight::Untold;
    for _ in 0..MOST_LOOKS {
        let Ok(before) = fs::read_to_string(&path) else { return sight };
        let Some(place) = parse(&before) else {
            return if before.trim_end() == "running" { Sight::Running } else { sight };
        };
        let Some(stack) = copy(place.stack_pointer, MOST_WORDS) else { return Sight::Untold };
        let stays = fs::read_to_string(&path).is_ok_and(|after| after == before);
        sight = place.walk(&stack);
        if stays {
            break;
        }
    }
    sight
}

/// Where a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    call: Option<i64>,
    stack_pointer: usize,
    address: usize,
}

impl Place {
    fn walk(self, stack: &[usize]) -> Sight {
        let mut frames = Vec::new();
        let mut visit = |address| {
            frames.push(address);
            frames.len() < MOST_FRAMES
        };
        // SAFETY: the thread sleeps in these calls, or has just done so. Test programs unload no library in
        // whose middle a thread stands.
        let is_whole = unsafe {
            highwater_unwind::walk_copied_stack(self.address, self.stack_pointer, stack, &mut visit)
        };
        Sight::Asleep { frames, is_whole, call: self.call }
    }
}

/// The number of the call (-1 outside of one), its six arguments, the stack pointer and the address behind
/// the call.
fn parse(line: &str) -> Option<Place> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let number: i64 = words.first()?.parse().ok()?;
    let [.., stack_pointer, address] = words[1..] else { return None };
    let hexadecimal = |it: &str| usize::from_str_radix(it.strip_prefix("0x")?, 16).ok();
    let call = (number >= 0).then_some(number);
    Some(Place { call, stack_pointer: hexadecimal(stack_pointer)?, address: hexadecimal(address)? })
}

/// The word that stands at an address of this process. `None` where there is no memory, or the kernel does
/// not show it.
pub fn word_at(address: usize) -> Option<usize> {
    copy(address, 1)?.first().copied()
}

/// The memory of this process from `place` on, as far as there is any, but at most `most_words` words.
fn copy(place: usize, most_words: usize) -> Option<Vec<usize>> {
    let mut bytes = vec![0; most_words * size_of::<usize>()];
    let place = u64::try_from(place).ok()?;
    let count = File::open("/proc/self/mem").ok()?.read_at(&mut bytes, place).ok()?;
    let (words, _) = bytes[..count].as_chunks::<{ size_of::<usize>() }>();
    Some(words.iter().map(|it| usize::from_ne_bytes(*it)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_understood() {
        let line = "230 0x0 0x0 0x7ffd5fcb9130 0x7ffd5fcb9170 0x0 0x0 0x7ffd5fcb9118 0x7fde806c9503\n";
        let place = |call, stack_pointer, address| Some(Place { call, stack_pointer, address });
        assert_eq!(parse(line), place(Some(230), 0x7ffd_5fcb_9118, 0x7fde_806c_9503));
        assert_eq!(
            parse("-1 0x7ffd5fcb9118 0x7fde806c9503\n"),
            place(None, 0x7ffd_5fcb_9118, 0x7fde_806c_9503)
        );
        for other in ["", "running", "0", "0 0x1", "0 1 2", "0 0x1 0xg"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_mapped_is_not_copied() {
        assert_eq!(word_at(8), None);
        let words = std::hint::black_box([7_usize; 4]);
        assert_eq!(copy(words.as_ptr().addr(), 4).unwrap(), words);
    }
}
