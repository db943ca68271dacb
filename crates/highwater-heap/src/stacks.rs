//! Where the stacks of the process's threads are.

use std::fs;
use std::hint::black_box;
use std::ops::Range;

use crate::mapping::Mapping;

/// A guard below a stack is not larger than this. Allocators keep larger ranges without access.
const LARGEST_GUARD: usize = 1 << 20;

/// The stack of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    pub range: Range<usize>,
    /// The thread's name without a number at its end; `None` where it is not known which thread has the
    /// stack.
    pub thread: Option<String>,
}

/// The stacks among these mappings. The kernel says where a waiting thread's stack pointer is. The stack of a
/// running thread shows by the guard below it.
pub(crate) fn all(mappings: &[Mapping]) -> Vec<Stack> {
    let pointers = stack_pointers();
    let mut stacks: Vec<Stack> = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        if mapping.name == "[stack]" {
            stacks.push(Stack { range: mapping.range.clone(), thread: Some("main".to_owned()) });
            continue;
        }
        if !mapping.is_anonymous() || !mapping.is_writable {
            continue;
        }
        let below = index.checked_sub(1).map(|it| &mappings[it]);
        let has_guard = below.is_some_and(|it| {
            it.range.end == mapping.range.start
                && it.is_anonymous()
                && !it.is_readable
                && !it.is_writable
                && it.bytes() <= LARGEST_GUARD
        });
        let thread = pointers.iter().find(|it| mapping.range.contains(&it.0));
        // A coroutine's stack is a block of the heap. What a thread runs on then has no guard.
        if has_guard {
            stacks.push(Stack { range: mapping.range.clone(), thread: thread.map(|it| it.1.clone()) });
        }
    }
    stacks
}

/// Stack pointers of the threads that wait in the kernel, and of the calling one, with the threads' names.
fn stack_pointers() -> Vec<(usize, String)> {
    let here = black_box(0_u8);
    let own = std::ptr::from_ref(&here).addr();
    let own_name = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    let mut pointers = vec![(own, without_number(own_name.trim_end()))];
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let Some(pointer) = stack_pointer(&text("syscall")) else { continue };
        pointers.push((pointer, without_number(text("comm").trim_end())));
    }
    pointers
}

/// The stack pointer in a line of `/proc/…/syscall`, whose last two words are that and the program counter.
fn stack_pointer(line: &str) -> Option<usize> {
    let mut words = line.split_whitespace().rev();
    let (_, pointer) = (words.next()?, words.next()?);
    usize::from_str_radix(pointer.strip_prefix("0x")?, 16).ok()
}

/// Threads of a pool have one name and a number.
fn without_number(name: &str) -> String {
    let stem = name.trim_end_matches(|it: char| it.is_ascii_digit());
    let stem = if stem.len() == name.len() { name } else { stem.trim_end_matches(['-', '_', '#', ':', ' ']) };
    if stem.is_empty() { name.to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::mapping;

    #[test]
    fn waiting_threads_are_found_by_name() {
        let (stop, stopped) = channel::<()>();
        let stopped = std::sync::Mutex::new(stopped);
        let (ready, is_ready) = channel();
        std::thread::scope(|scope| {
            let wait = || {
                ready.send(std::ptr::from_ref(&black_box(0_u8)).addr()).unwrap();
                let _ = stopped.lock().unwrap().recv();
            };
            std::thread::Builder::new().name("waits-3".to_owned()).spawn_scoped(scope, wait).unwrap();
            let inside = is_ready.recv().unwrap();
            let found = (0..100).find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                let stacks = all(&mapping::all().unwrap());
                stacks.into_iter().find(|it| it.range.contains(&inside) && it.thread.is_some())
            });
            stop.send(()).unwrap();
            assert_eq!(found.unwrap().thread.as_deref(), Some("waits"));
        });
    }

    #[test]
    fn numbers_of_a_pool_are_left_out() {
        assert_eq!(
            ["worker-12", "tokio-rt", "7", "a_0"].map(without_number),
            ["worker", "tokio-rt", "7", "a"]
        );
        assert_eq!(stack_pointer("202 0x1 0x80 0x7ffd10 0x7f00"), Some(0x7ffd10));
        assert_eq!(stack_pointer("running\n"), None);
    }
}
