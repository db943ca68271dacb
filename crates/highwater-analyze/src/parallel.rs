//! Work on large profiles by several threads. What comes out never depends on how many there are.

use std::num::NonZero;
use std::ops::Range;
use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

/// From how many rows or stacks on this is worth a thread.
pub(crate) const WORTHWHILE: usize = 1 << 14;

/// More parts than this help nobody: they wait for memory.
const MOST_PARTS: usize = 8;

/// The positions below `length` in as many parts as are worth it, in order.
pub(crate) fn parts(length: usize) -> Vec<Range<usize>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_PARTS);
    let count = threads.min(length / WORTHWHILE).max(1);
    (0..count).map(|part| length * part / count..length * (part + 1) / count).collect()
}

/// What `work` makes of each part, in order.
pub(crate) fn map<T: Send>(parts: Vec<Range<usize>>, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let start = |(at, part): (usize, Range<usize>)| {
            let theirs = part.clone();
            // The first is this thread's; and any for which the system grants no other.
            let other = (at > 0).then(|| thread::Builder::new().spawn_scoped(scope, || work(theirs)).ok());
            (part, other.flatten())
        };
        let mut started: Vec<_> = parts.into_iter().enumerate().map(start).collect();
        let own = started.iter_mut().map(|(part, other)| match other {
            None => Some(work(part.clone())),
            Some(_) => None,
        });
        let own: Vec<Option<T>> = own.collect();
        let outcomes = started.into_iter().zip(own);
        outcomes.filter_map(|((_, other), own)| own.or_else(|| other.map(join))).collect()
    })
}

/// What both pieces of work make; at the same time, if `is_worthwhile`.
pub(crate) fn both<A: Send, B>(
    is_worthwhile: bool,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B,
) -> (A, B) {
    if !is_worthwhile {
        return (first(), second());
    }
    let first = Mutex::new(Some(first));
    let run = || first.lock().unwrap_or_else(PoisonError::into_inner).take().map(|work| work());
    let (other, second) = thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, run).ok();
        let second = second();
        (other.and_then(join), second)
    });
    // It has run unless the system granted no thread.
    match other.or_else(run) {
        Some(first) => (first, second),
        None => unreachable!("the work is there until it is done"),
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|fault| panic::resume_unwind(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_everything_once_and_in_order() {
        for length in [0, 1, WORTHWHILE - 1, WORTHWHILE, 2 * WORTHWHILE, 9 * WORTHWHILE + 5] {
            let all: Vec<usize> = parts(length).into_iter().flatten().collect();
            assert!(all.into_iter().eq(0..length), "{length}");
        }
        let squares = map(vec![0..2, 2..5, 5..5, 5..6], |part| part.map(|it| it * it).collect::<Vec<_>>());
        assert_eq!(squares, [vec![0, 1], vec![4, 9, 16], vec![], vec![25]]);
    }

    #[test]
    fn both_are_done_whether_at_the_same_time_or_not() {
        for is_worthwhile in [false, true] {
            assert_eq!(both(is_worthwhile, || 1, || "two"), (1, "two"));
        }
    }
}
