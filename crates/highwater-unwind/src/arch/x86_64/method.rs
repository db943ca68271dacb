//! How the frames of each mapping are walked: by frame pointers, or by other rules from its unwind tables.
//!
//! What a binary does about frame pointers is seldom one thing for all of it: Rust's standard library comes
//! with them, the program around it has them only if it is built so, and the C library has none. A walk that
//! takes their word where they are not kept leaves out callers or invents some. So it is the tables that say,
//! for each call site when a walk first comes through it, whether the frame pointer is kept there. Here is
//! counted what they said, mapping by mapping, in the order in which walks came to them.

use core::ops::Range;
use core::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::rule::Rule;
use crate::methods::UnwindMethods;

/// Mappings that are distinguished; programs have tens. The call sites of further ones are counted in the
/// totals only.
const MAPPINGS: usize = 128;

/// A mapping and the rules made for call sites in it.
struct Mapping {
    /// 0 while it is unused, 1 while it is being filled in.
    start: AtomicUsize,
    end: AtomicUsize,
    rules: Rules,
}

impl Mapping {
    const fn unused() -> Self {
        Self { start: AtomicUsize::new(0), end: AtomicUsize::new(0), rules: Rules::new() }
    }
}

/// Rules made, by what they go by.
struct Rules {
    by_frame_pointer: AtomicU64,
    by_table: AtomicU64,
}

impl Rules {
    const fn new() -> Self {
        Self { by_frame_pointer: AtomicU64::new(0), by_table: AtomicU64::new(0) }
    }

    fn of(&self, rule: Rule) -> Option<&AtomicU64> {
        match rule {
            Rule::FramePointer => Some(&self.by_frame_pointer),
            Rule::Caller { .. } => Some(&self.by_table),
            // No frame is left by these.
            Rule::Root | Rule::Other => None,
        }
    }
}

/// What is counted.
struct Methods<const N: usize> {
    mappings: [Mapping; N],
    all: Rules,
}

static METHODS: Methods<MAPPINGS> = Methods::new();

/// Counts a rule that was made for a call site in the mapping at `range`. Takes no lock.
pub(super) fn count(range: Range<usize>, rule: Rule) {
    METHODS.count(range, rule);
}

/// How the stacks of this process were walked so far. All zero where the system's unwinder walks them.
pub(super) fn methods() -> UnwindMethods {
    METHODS.get()
}

impl<const N: usize> Methods<N> {
    const fn new() -> Self {
        Self { mappings: [const { Mapping::unused() }; N], all: Rules::new() }
    }

    fn count(&self, range: Range<usize>, rule: Rule) {
        let own = self.mapping(range).and_then(|mapping| mapping.rules.of(rule));
        for counter in [self.all.of(rule), own].into_iter().flatten() {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// The place of a mapping. `None` when there is no more space, or when another thread is just taking one.
    fn mapping(&self, range: Range<usize>) -> Option<&Mapping> {
        for mapping in &self.mappings {
            match mapping.start.load(Acquire) {
                0 => {
                    mapping.start.compare_exchange(0, 1, AcqRel, Relaxed).ok()?;
                    mapping.end.store(range.end, Relaxed);
                    mapping.start.store(range.start, Release);
                    return Some(mapping);
                }
                1 => return None,
                start if start == range.start && mapping.end.load(Relaxed) == range.end => {
                    return Some(mapping);
                }
                _ => {}
            }
        }
        None
    }

    fn get(&self) -> UnwindMethods {
        let mut methods = UnwindMethods {
            frame_pointer_calls: self.all.by_frame_pointer.load(Relaxed),
            table_calls: self.all.by_table.load(Relaxed),
            ..UnwindMethods::default()
        };
        for Mapping { rules, .. } in &self.mappings {
            match (rules.by_frame_pointer.load(Relaxed), rules.by_table.load(Relaxed)) {
                (0, 0) => {}
                (by_frame_pointer, by_table) if by_frame_pointer > by_table => {
                    methods.frame_pointer_mappings += 1
                }
                _ => methods.table_mappings += 1,
            }
        }
        methods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Rule = Rule::Caller { distance: 8, from_frame_pointer: false, saved_frame_pointer: None };

    #[test]
    fn a_mapping_has_the_method_of_most_of_its_call_sites() {
        let methods = Methods::<4>::new();
        for (range, rule, times) in [
            (4096..8192, Rule::FramePointer, 3),
            (4096..8192, TABLE, 2),
            (8192..16384, TABLE, 2),
            (8192..16384, Rule::FramePointer, 1),
            // Neither leads anywhere.
            (8192..16384, Rule::Root, 9),
            (16384..32768, Rule::Other, 1),
        ] {
            (0..times).for_each(|_| methods.count(range.clone(), rule));
        }
        let expected = UnwindMethods {
            frame_pointer_mappings: 1,
            table_mappings: 1,
            frame_pointer_calls: 4,
            table_calls: 4,
        };
        assert_eq!(methods.get(), expected);
    }

    #[test]
    fn more_mappings_than_there_is_room_for_are_counted_together() {
        let methods = Methods::<2>::new();
        for number in 1..10 {
            methods.count(number * 4096..(number + 1) * 4096, Rule::FramePointer);
        }
        // Another file that was mapped to the same place.
        methods.count(4096..9999, TABLE);
        let counted = methods.get();
        assert_eq!((counted.frame_pointer_mappings, counted.table_mappings), (2, 0));
        assert_eq!((counted.frame_pointer_calls, counted.table_calls), (9, 1));
    }
}
