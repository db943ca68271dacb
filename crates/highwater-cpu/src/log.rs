//! Stacks one behind the other, written by signal handlers and emptied by one reader.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Frames kept of a stack. The array for them is on the stack of the interrupted thread.
pub(crate) const MAX_FRAMES: usize = 128;

/// Space of a log, in bytes. The log takes memory as far as it is written to. Enough for a second of 64 busy
/// processors.
pub(crate) const LOG_BYTES: usize = 4 << 20;

/// Words behind the two counters.
const WORDS: usize = LOG_BYTES / size_of::<usize>() - 2;

/// A stack takes one word for its length, and one for each address. All of it zero is an empty log.
#[repr(C)]
pub(crate) struct Log<const N: usize = WORDS> {
    /// Words that were asked for; more than there are when some stacks found no space.
    used: AtomicUsize,
    lost: AtomicU64,
    words: [AtomicUsize; N],
}

impl<const N: usize> Log<N> {
    /// Adds a stack, if there is space for it. Any number of threads may do so at a time.
    pub(crate) fn add(&self, stack: &[usize]) {
        let start = self.used.fetch_add(1 + stack.len(), Relaxed);
        let place = self.words.get(start..).and_then(|rest| rest.split_first());
        match place {
            Some((length, places)) if places.len() >= stack.len() => {
                length.store(stack.len(), Relaxed);
                places.iter().zip(stack).for_each(|(place, &address)| place.store(address, Relaxed));
            }
            _ => {
                // The reader ends here.
                if let Some((length, _)) = place {
                    length.store(0, Relaxed);
                }
                self.lost.fetch_add(1, Relaxed);
            }
        }
    }

    /// Shows every stack and forgets them, while nobody adds any. Returns how many found no space.
    pub(crate) fn empty(&self, visit: &mut dyn FnMut(&[usize])) -> u64 {
        let used = self.used.swap(0, Relaxed).min(N);
        let mut rest = &self.words[..used];
        let mut stack = [0; MAX_FRAMES];
        while let Some((length, behind)) = rest.split_first() {
            let length = length.load(Relaxed);
            if length == 0 || length > behind.len().min(stack.len()) {
                break;
            }
            let (places, others) = behind.split_at(length);
            stack.iter_mut().zip(places).for_each(|(address, place)| *address = place.load(Relaxed));
            visit(&stack[..length]);
            rest = others;
        }
        self.lost.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log<const N: usize>() -> Log<N> {
        let (used, lost, words) =
            (AtomicUsize::new(0), AtomicU64::new(0), [const { AtomicUsize::new(0) }; N]);
        Log { used, lost, words }
    }

    fn taken<const N: usize>(log: &Log<N>) -> (Vec<Vec<usize>>, u64) {
        let mut stacks = Vec::new();
        let lost = log.empty(&mut |stack| stacks.push(stack.to_vec()));
        (stacks, lost)
    }

    #[test]
    fn what_is_added_is_shown_once() {
        let log = log::<16>();
        log.add(&[1, 2, 3]);
        log.add(&[4]);
        assert_eq!(taken(&log), (vec![vec![1, 2, 3], vec![4]], 0));
        assert_eq!(taken(&log), (vec![], 0));
        log.add(&[5]);
        assert_eq!(taken(&log), (vec![vec![5]], 0));
    }

    #[test]
    fn what_has_no_room_is_counted_and_nothing_old_comes_back() {
        let log = log::<8>();
        log.add(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(taken(&log), (vec![vec![1, 2, 3, 4, 5, 6, 7]], 0));
        log.add(&[8, 9]);
        log.add(&[1, 2, 3, 4, 5]);
        log.add(&[1]);
        assert_eq!(taken(&log), (vec![vec![8, 9]], 2));
        log.add(&[10; 7]);
        assert_eq!(taken(&log), (vec![vec![10; 7]], 0));
    }
}
