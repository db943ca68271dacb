//! The samples of a profile in flat tables: stacks, values and labels beside each other.

use crate::list_table::ListTable;
use crate::location::LocationId;
use crate::string_table::StringId;

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
    /// Handle of the stack: equal for rows with equal stacks.
    pub stack_id: StackId,
    /// Handle of the labels: equal for most rows with equal labels.
    pub labels_id: LabelsId,
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

/// Handle of a stack in a [`SampleTable`]. Rows with equal stacks have equal handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(u32);

/// Handle of the labels of a row in a [`SampleTable`]. Few rows have labels that no other row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelsId(u32);

impl StackId {
    /// Position among the stacks.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl LabelsId {
    /// Position among the labels.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All samples of a profile. Flat, and with equal stacks and equal labels stored once, so that a million rows
/// cost a few allocations and not millions.
#[derive(Clone, Debug)]
pub struct SampleTable {
    columns: usize,
    stacks: ListTable<LocationId>,
    labels: ListTable<Label>,
    stack_ids: Vec<StackId>,
    labels_ids: Vec<LabelsId>,
    values: Vec<i64>,
    /// Some value is below 0.
    has_negative: bool,
}

impl SampleTable {
    /// An empty table whose rows have `columns` values each.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns,
            stacks: ListTable::default(),
            labels: ListTable::default(),
            stack_ids: Vec::new(),
            labels_ids: Vec::new(),
            values: Vec::new(),
            has_negative: false,
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If `values` does not hold one value for each sample type of the profile.
    pub fn push(&mut self, stack: &[LocationId], values: &[i64], labels: &[Label]) {
        assert_eq!(values.len(), self.columns, "a sample has one value for each sample type");
        self.stack_ids.push(StackId(self.stacks.intern(stack)));
        self.labels_ids.push(LabelsId(self.labels.intern(labels)));
        self.push_values(values);
    }

    /// Adds a row with the stack that the row at `row` has, in the same time however deep it is.
    ///
    /// # Panics
    /// If there is no such row, or `values` does not hold one value for each sample type of the profile.
    #[cfg(feature = "formats")]
    pub(crate) fn push_with_stack_of(&mut self, row: usize, values: &[i64], labels: &[Label]) {
        assert_eq!(values.len(), self.columns, "a sample has one value for each sample type");
        self.stack_ids.push(self.stack_ids[row]);
        self.labels_ids.push(LabelsId(self.labels.intern(labels)));
        self.push_values(values);
    }

    fn push_values(&mut self, values: &[i64]) {
        self.has_negative |= values.iter().any(|it| *it < 0);
        self.values.extend_from_slice(values);
    }

    /// Whether some value is below 0, as in a difference of profiles.
    pub(crate) fn has_negative(&self) -> bool {
        self.has_negative
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.stack_ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.stack_ids.is_empty()
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
        let (stack_id, labels_id) = (self.stack_ids[index], self.labels_ids[index]);
        Sample {
            stack_id,
            labels_id,
            stack: self.stack(stack_id),
            values: &self.values[index * self.columns..(index + 1) * self.columns],
            labels: self.labels.get(labels_id.index()),
        }
    }

    /// All rows in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The values of all rows, one row behind the other.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// Number of distinct stacks.
    pub fn stacks(&self) -> usize {
        self.stacks.len()
    }

    /// The stack behind a handle of this table, leaf first.
    pub fn stack(&self, id: StackId) -> &[LocationId] {
        self.stacks.get(id.index())
    }

    /// The stacks of all rows, in the order of the rows.
    pub fn stack_ids(&self) -> &[StackId] {
        &self.stack_ids
    }

    /// Number of distinct lists of labels.
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// The labels of all rows, in the order of the rows.
    pub(crate) fn labels_ids(&self) -> &[LabelsId] {
        &self.labels_ids
    }

    /// The distinct stacks in the order of their handles.
    pub(crate) fn all_stacks(&self) -> impl Iterator<Item = (StackId, &[LocationId])> {
        (0..self.stacks.len()).map(|at| (StackId(at as u32), self.stacks.get(at)))
    }

    /// The distinct lists of labels in the order of their handles.
    pub(crate) fn all_labels(&self) -> impl Iterator<Item = (LabelsId, &[Label])> {
        (0..self.labels.len()).map(|at| (LabelsId(at as u32), self.labels.get(at)))
    }

    /// Multiplies all values of a column. False, with nothing done, when one of them would not fit.
    pub(crate) fn multiply(&mut self, column: usize, factor: i64) -> bool {
        let mut rows = self.values.chunks_exact(self.columns);
        if rows.any(|values| values[column].checked_mul(factor).is_none()) {
            return false;
        }
        self.values.chunks_exact_mut(self.columns).for_each(|values| values[column] *= factor);
        true
    }

    /// Puts other locations in the place of those in all stacks.
    pub(crate) fn replace_locations(&mut self, replacement: impl FnMut(LocationId) -> LocationId) {
        self.stacks.replace(replacement);
    }

    /// Puts other labels in the place of all labels.
    pub(crate) fn replace_labels(&mut self, replacement: impl FnMut(Label) -> Label) {
        self.labels.replace(replacement);
    }

    /// Makes one row of those with equal stacks and labels: the sum of their values, in the place of the
    /// first of them. The number of the label `summed` tells no rows apart, and is added up as well.
    ///
    /// It takes 16 bytes a row for as long as it works.
    pub fn add_up_equal(&mut self, summed: StringId) {
        let number = |label: &Label| match label.value {
            LabelValue::Number(number, _) if label.key == summed => Some(number),
            _ => None,
        };
        let mut others: Vec<u32> = (0..position(self.labels.len())).collect();
        for (at, other) in others.iter_mut().enumerate() {
            if self.labels.get(at).iter().any(|it| number(it).is_some()) {
                let labels: Vec<Label> =
                    self.labels.get(at).iter().filter(|it| number(it).is_none()).copied().collect();
                *other = self.labels.intern(&labels);
            }
        }
        let key = |row: usize| (self.stack_ids[row], others[self.labels_ids[row].index()]);
        let mut rows: Vec<(StackId, u32, u32)> =
            (0..self.len()).map(|row| (key(row).0, key(row).1, position(row))).collect();
        rows.sort_unstable();
        let mut removed = Vec::new();
        for equal in rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|it| it.len() > 1) {
            let first = equal[0].2 as usize;
            let mut sum = 0_i64;
            let mut sample_label = None;
            for row in equal.iter().map(|it| it.2 as usize) {
                let labels = self.labels.get(self.labels_ids[row].index());
                for label in labels.iter().filter(|it| number(it).is_some()) {
                    sum = sum.saturating_add(number(label).unwrap_or(0));
                    sample_label = Some(*label);
                }
                if row != first {
                    self.add_row(row, first);
                    removed.push(row);
                }
            }
            if let Some(Label { key, value: LabelValue::Number(_, unit) }) = sample_label {
                let label = Label { key, value: LabelValue::Number(sum, unit) };
                let labels = [self.labels.get(equal[0].1 as usize), &[label]].concat();
                self.labels_ids[first] = LabelsId(self.labels.intern(&labels));
            }
        }
        removed.sort_unstable();
        self.remove(&removed);
    }

    /// Adds the values of the row `from` to the values of the row `to`.
    fn add_row(&mut self, from: usize, to: usize) {
        for column in 0..self.columns {
            let value = self.values[from * self.columns + column];
            let sum = &mut self.values[to * self.columns + column];
            *sum = sum.saturating_add(value);
        }
    }

    /// Takes out the rows at these positions, which ascend.
    pub(crate) fn remove(&mut self, rows: &[usize]) {
        let mut keep = kept(rows);
        self.stack_ids.retain(|_| keep());
        let mut keep = kept(rows);
        self.labels_ids.retain(|_| keep());
        let (mut keep, mut at, columns) = (kept(rows), 0, self.columns.max(1));
        let mut keeps_row = true;
        self.values.retain(|_| {
            if at % columns == 0 {
                keeps_row = keep();
            }
            at += 1;
            keeps_row
        });
    }

    /// Memory that the table takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let rows = self.stack_ids.capacity() * size_of::<StackId>()
            + self.labels_ids.capacity() * size_of::<LabelsId>()
            + self.values.capacity() * size_of::<i64>();
        rows as u64 + self.stacks.heap_bytes() + self.labels.heap_bytes()
    }

    /// Sum of one column, by its position among the sample types. Saturates at the ends of `i64`.
    pub fn total(&self, column: usize) -> i64 {
        self.iter().fold(0, |sum: i64, sample| sum.saturating_add(sample.values[column]))
    }
}

/// A position of a table. Tables have fewer than 2^32 entries; see `ListTable`.
fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Says of one row after the other whether it is not among `removed`.
fn kept(removed: &[usize]) -> impl FnMut() -> bool + '_ {
    let (mut at, mut next) = (0, removed.iter().peekable());
    move || {
        let is_removed = next.next_if(|&&row| row == at).is_some();
        at += 1;
        !is_removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_become_one_with_what_their_estimates_are_off() {
        let key = StringId;
        let label =
            |at: u32, number| Label { key: key(at), value: LabelValue::Number(number, StringId::EMPTY) };
        let (size, off) = (|number| label(1, number), |number| label(2, number));
        let [main, other] = [[LocationId::from_index(0)], [LocationId::from_index(1)]];
        let mut table = SampleTable::new(2);
        table.push(&main, &[1, 10], &[size(8)]);
        table.push(&other, &[2, 20], &[size(8)]);
        table.push(&main, &[4, 40], &[size(8), off(5)]);
        table.push(&main, &[8, 80], &[size(9)]);
        table.push(&main, &[16, 160], &[size(8), off(7)]);
        table.push(&other, &[32, 320], &[off(1)]);
        table.add_up_equal(key(2));
        let row = |row: Sample<'_>| (row.stack[0].index(), row.values.to_vec(), row.labels.to_vec());
        let rows: Vec<_> = table.iter().map(row).collect();
        assert_eq!(
            rows,
            [
                (0, vec![21, 210], vec![size(8), off(12)]),
                (1, vec![2, 20], vec![size(8)]),
                (0, vec![8, 80], vec![size(9)]),
                (1, vec![32, 320], vec![off(1)]),
            ]
        );
        let before = table.len();
        table.add_up_equal(key(2));
        assert_eq!(table.len(), before);
    }

    #[test]
    fn removed_rows_are_gone_and_the_others_as_they_were() {
        let mut table = SampleTable::new(2);
        for row in 0..6_i64 {
            let stack = [LocationId::from_index(row as usize / 2)];
            table.push(&stack, &[row, 10 * row], &[]);
        }
        assert_eq!((table.len(), table.stacks(), table.labels()), (6, 3, 1));
        table.remove(&[0, 3, 5]);
        let rows: Vec<(usize, Vec<i64>)> =
            table.iter().map(|row| (row.stack[0].index(), row.values.to_vec())).collect();
        assert_eq!(rows, [(0, vec![1, 10]), (1, vec![2, 20]), (2, vec![4, 40])]);
    }
}
