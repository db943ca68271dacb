//! Sums of values by stack, for formats in which a stack may stand once only, or stands once for each column.

use crate::list_table::ListTable;

/// Rows of values, one for each distinct stack, in the order in which the stacks were first seen. A frame is
/// whatever number its user has for it.
pub(super) struct ByStack {
    columns: usize,
    stacks: ListTable<u32>,
    values: Vec<i64>,
}

impl ByStack {
    /// No rows yet, and `columns` values in each to come.
    pub fn new(columns: usize) -> Self {
        Self { columns, stacks: ListTable::default(), values: Vec::new() }
    }

    /// The values of this stack, to be changed. All 0 when the stack is new.
    pub fn values_mut(&mut self, stack: &[u32]) -> &mut [i64] {
        let row = self.stacks.intern(stack) as usize;
        self.values.resize(self.stacks.len() * self.columns, 0);
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// Adds `values` to the values of this stack; sums end at the ends of `i64`.
    pub fn add(&mut self, stack: &[u32], values: &[i64]) {
        for (sum, value) in self.values_mut(stack).iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }

    /// Every stack with its values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u32], &[i64])> {
        (0..self.stacks.len())
            .map(|row| (self.stacks.get(row), &self.values[row * self.columns..(row + 1) * self.columns]))
    }

    /// Memory that the rows take, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        self.stacks.heap_bytes() + (self.values.capacity() * size_of::<i64>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_are_one_row() {
        let mut rows = ByStack::new(2);
        rows.add(&[1, 2], &[10, 1]);
        rows.add(&[1], &[5, 0]);
        rows.add(&[], &[3, 3]);
        rows.add(&[1, 2], &[i64::MAX, -4]);
        let all: Vec<_> = rows.iter().collect();
        assert_eq!(
            all,
            [(&[1, 2][..], &[i64::MAX, -3][..]), (&[1][..], &[5, 0][..]), (&[][..], &[3, 3][..])]
        );
    }
}
