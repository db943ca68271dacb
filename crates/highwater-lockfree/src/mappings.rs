//! Where the recorder's own memory is, for those who ask what the resident set consists of.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Mappings that are remembered. What is beyond is counted all the same, as memory of the program.
const MOST: usize = 2048;

/// Start and length of each mapping; a start of 0 where there is none. These atomics are the processor's also
/// in a model, since nothing is decided by them.
static MAPPINGS: [[AtomicUsize; 2]; MOST] = [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; MOST];

/// Remembers a mapping.
pub(crate) fn add(start: NonNull<u8>, bytes: usize) {
    for [place, length] in &MAPPINGS {
        if place.load(Ordering::Relaxed) == 0
            && place.compare_exchange(0, start.addr().get(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            length.store(bytes, Ordering::Release);
            return;
        }
    }
}

/// Forgets a mapping, before its memory is given back.
pub(crate) fn remove(start: NonNull<u8>) {
    if let Some([place, length]) =
        MAPPINGS.iter().find(|it| it[0].load(Ordering::Relaxed) == start.addr().get())
    {
        length.store(0, Ordering::Relaxed);
        place.store(0, Ordering::Release);
    }
}

/// Shows start and length of each mapping that the recorder has.
pub fn visit(mut visit: impl FnMut(usize, usize)) {
    for [place, length] in &MAPPINGS {
        let length = length.load(Ordering::Acquire);
        let start = place.load(Ordering::Relaxed);
        if start != 0 && length != 0 {
            visit(start, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_remembered_until_they_are_given_back() {
        // Never read, so the address may be anyone's.
        let start = NonNull::new(core::ptr::without_provenance_mut::<u8>(0x7000)).unwrap();
        let is_there = || {
            let mut found = None;
            visit(|at, bytes| found = found.or((at == 0x7000).then_some(bytes)));
            found
        };
        assert_eq!(is_there(), None);
        add(start, 4096);
        assert_eq!(is_there(), Some(4096));
        remove(start);
        assert_eq!(is_there(), None);
    }
}
