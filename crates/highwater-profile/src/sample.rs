//! The samples of a profile in flat tables: stacks, values and labels beside each other.

use crate::{LocationId, StringId};

/// A key and a value attached to a sample, such as the block size or the thread's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Name of the label.
    pub key: StringId,
    /// What it says.
    pub value: LabelValue,
}

/// The two kinds of label that pprof knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue {
    /// A text.
    Text(StringId),
    /// A number with its unit, which may be empty.
    Number(i64, StringId),
}

/// One row of a profile: a stack, a value for each sample type, and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Frames, leaf first.
    pub stack: &'a [LocationId],
    /// One value for each of the profile's sample types, in their order.
    pub values: &'a [i64],
    /// Labels of this row.
    pub labels: &'a [Label],
}

impl Sample<'_> {
    /// The number that the label `key` holds, if there is one.
    pub fn number(&self, key: StringId) -> Option<i64> {
        self.labels.iter().find_map(|label| match label.value {
            LabelValue::Number(value, _) if label.key == key => Some(value),
            _ => None,
        })
    }

    /// The text that the label `key` holds, if there is one.
    pub fn text(&self, key: StringId) -> Option<StringId> {
        self.labels.iter().find_map(|label| match label.value {
            LabelValue::Text(value) if label.key == key => Some(value),
            _ => None,
        })
    }
}

/// All samples of a profile. Flat, so that a million rows cost three allocations and not three million.
#[derive(Clone, Debug)]
pub struct SampleTable {
    columns: usize,
    stacks: Vec<LocationId>,
    stack_ends: Vec<usize>,
    values: Vec<i64>,
    labels: Vec<Label>,
    label_ends: Vec<usize>,
}

impl SampleTable {
    /// An empty table whose rows have `columns` values each.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns,
            stacks: Vec::new(),
            stack_ends: Vec::new(),
            values: Vec::new(),
            labels: Vec::new(),
            label_ends: Vec::new(),
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If `values` does not hold one value for each sample type of the profile.
    pub fn push(&mut self, stack: &[LocationId], values: &[i64], labels: &[Label]) {
        assert_eq!(values.len(), self.columns, "a sample has one value for each sample type");
        self.stacks.extend_from_slice(stack);
        self.stack_ends.push(self.stacks.len());
        self.values.extend_from_slice(values);
        self.labels.extend_from_slice(labels);
        self.label_ends.push(self.labels.len());
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.stack_ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.stack_ends.is_empty()
    }

    /// Number of values in each row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The row at `index`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn get(&self, index: usize) -> Sample<'_> {
        let span = |ends: &[usize]| if index == 0 { 0 } else { ends[index - 1] }..ends[index];
        Sample {
            stack: &self.stacks[span(&self.stack_ends)],
            values: &self.values[index * self.columns..(index + 1) * self.columns],
            labels: &self.labels[span(&self.label_ends)],
        }
    }

    /// All rows in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Sum of one column, by its position among the sample types. Saturates at the ends of `i64`.
    pub fn total(&self, column: usize) -> i64 {
        self.iter().fold(0, |sum: i64, sample| sum.saturating_add(sample.values[column]))
    }
}
