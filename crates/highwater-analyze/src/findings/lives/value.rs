//! The kinds of values that findings are made of.

use std::ops::{Index, IndexMut};

use crate::sample_kind::SampleKind;
use crate::statistics::sum::Sum;

/// A kind of values that findings need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    LiveBytes,
    LiveBlocks,
    AllocBytes,
    AllocBlocks,
    PeakBytes,
    PeakBlocks,
    /// Freed before the thread allocated again, or within a millisecond.
    TempBytes,
    TempBlocks,
    /// Copied by reallocation.
    CopiedBytes,
    /// Came to be by reallocation.
    GrownBlocks,
    /// At least doubled by it. Its error is not known.
    Doublings,
    /// Freed, by the time they lived.
    FreedBlocks,
}

const COUNT: usize = 12;

/// Each kind with its name in files, in the order of the kinds.
static KINDS: [(Value, SampleKind); COUNT] = [
    (Value::LiveBytes, SampleKind::LiveBytes),
    (Value::LiveBlocks, SampleKind::LiveBlocks),
    (Value::AllocBytes, SampleKind::AllocBytes),
    (Value::AllocBlocks, SampleKind::AllocBlocks),
    (Value::PeakBytes, SampleKind::PeakBytes),
    (Value::PeakBlocks, SampleKind::PeakBlocks),
    (Value::TempBytes, SampleKind::TempBytes),
    (Value::TempBlocks, SampleKind::TempBlocks),
    (Value::CopiedBytes, SampleKind::ReallocBytes),
    (Value::GrownBlocks, SampleKind::ReallocBlocks),
    (Value::Doublings, SampleKind::ReallocDoublings),
    (Value::FreedBlocks, SampleKind::FreedBlocks),
];

impl Value {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|it| it.0)
    }

    /// Which of a profile's values these are.
    pub fn kind(self) -> &'static SampleKind {
        &KINDS[self as usize].1
    }

    /// It counts since the start of the process, so that two profiles have a difference.
    pub fn is_cumulative(self) -> bool {
        !matches!(self, Self::LiveBytes | Self::LiveBlocks | Self::PeakBytes | Self::PeakBlocks)
    }
}

/// A sum for each kind of values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values([Sum; COUNT]);

impl Values {
    pub const ZERO: Self = Self([Sum::ZERO; COUNT]);
}

impl Index<Value> for Values {
    type Output = Sum;

    fn index(&self, value: Value) -> &Sum {
        &self.0[value as usize]
    }
}

impl IndexMut<Value> for Values {
    fn index_mut(&mut self, value: Value) -> &mut Sum {
        &mut self.0[value as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_in_order() {
        assert!(Value::all().enumerate().all(|(at, it)| it as usize == at));
    }
}
