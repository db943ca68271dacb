//! The rows of a file: its longest table by far, read without an allocation for each.
//!
//! Looking up whether a stack has been seen before waits for memory most of the time, so of a long table it
//! is done on another thread, in batches.

use super::batch::{Batch, Table};
use super::field::{scalar, string, wrong_type};
use super::ids::Ids;
use super::input::malformed;
use super::wire::{Fault, Field, Fields, Packed, Value};
use crate::limits::Limits;
use crate::location::LocationId;
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue, SampleTable};
use crate::string_table::StringId;

/// The rows read so far. Locations and strings in them are references still.
#[derive(Default)]
pub(super) struct Rows {
    /// Values in each row; `None` until the first row tells.
    pub columns: Option<usize>,
    /// Rows so far.
    rows: usize,
    table: Table,
    batch: Batch,
    /// Positions of rows without frames but with labels: one of them may carry the recorder's facts.
    pub bare: Vec<usize>,
    // What the row that is being read consists of.
    stack: Vec<LocationId>,
    values: Vec<i64>,
    labels: Vec<Label>,
}

impl Rows {
    /// A row of this many bytes is checked for the memory that it may take before it is read.
    pub const LONG: usize = 1 << 16;

    /// The most memory that a row of this many bytes takes. A label may be said in two bytes.
    pub fn worst_bytes(length: usize) -> u64 {
        (length as u64).saturating_mul(2 * size_of::<Label>() as u64)
    }

    pub fn heap_bytes(&self) -> u64 {
        let vectors = self.bare.capacity() * size_of::<usize>()
            + self.stack.capacity() * size_of::<LocationId>()
            + self.values.capacity() * size_of::<i64>()
            + self.labels.capacity() * size_of::<Label>();
        vectors as u64 + self.batch.heap_bytes() + self.table.heap_bytes()
    }

    /// The table, once all rows are in it; `None` when there was none.
    pub fn finish(&mut self) -> Option<SampleTable> {
        let columns = self.columns?;
        Some(self.table.finish(columns, std::mem::take(&mut self.batch)))
    }

    /// Reads the row that begins at `offset`. A profile with `sample_types` of them has as many values in
    /// each row; 0 says that they are not known yet.
    pub fn add(
        &mut self,
        bytes: &[u8],
        offset: usize,
        sample_types: usize,
        location_ids: &mut Ids,
    ) -> Result<(), ReadError> {
        let index = self.rows;
        self.read(bytes, location_ids)
            .map_err(|fault| malformed(offset + fault.at, &format!("sample[{index}]"), fault.reason))?;
        let inconsistent = |field: &str, reason: String| {
            Err(ReadError::Inconsistent { field: format!("sample[{index}].{field}"), offset, reason })
        };

        let found = self.values.len();
        let known = if sample_types == 0 { found } else { sample_types };
        let columns = *self.columns.get_or_insert(known);
        if found != columns {
            return inconsistent("value", format!("{found} values for {columns} sample types"));
        }
        if self.stack.len() > Limits::MAX_STACK_FRAMES {
            let (frames, most) = (self.stack.len(), Limits::MAX_STACK_FRAMES);
            return inconsistent(
                "location_id",
                format!("a stack of {frames} frames; at most {most} are read"),
            );
        }
        if self.stack.is_empty() && !self.labels.is_empty() {
            self.bare.push(index);
        }
        self.rows += 1;
        self.batch.push(&self.stack, &self.values, &self.labels);
        if self.batch.is_full() {
            self.table.send(columns, std::mem::take(&mut self.batch));
        }
        Ok(())
    }

    fn read(&mut self, bytes: &[u8], location_ids: &mut Ids) -> Result<(), Fault> {
        self.stack.clear();
        self.values.clear();
        self.labels.clear();
        for field in Fields::new(bytes) {
            let field = field?;
            let inner = |fault: Fault| Fault { at: field.at + fault.at, ..fault };
            match (field.number, field.value) {
                (1, Value::Bytes(ids)) => {
                    for id in Packed::new(ids) {
                        self.stack.push(LocationId(location_ids.refer(id.map_err(inner)?)));
                    }
                }
                (1, Value::Number(id)) => self.stack.push(LocationId(location_ids.refer(id))),
                (2, Value::Bytes(values)) => {
                    for value in Packed::new(values) {
                        self.values.push(value.map_err(inner)? as i64);
                    }
                }
                (2, Value::Number(value)) => self.values.push(value as i64),
                (3, Value::Bytes(label)) => self.labels.push(read_label(label).map_err(inner)?),
                (1..=3, _) => return Err(wrong_type(field)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_label(bytes: &[u8]) -> Result<Label, Fault> {
    let [mut key, mut text, mut unit] = [StringId::EMPTY; 3];
    let mut number = 0;
    for field in Fields::new(bytes) {
        let field: Field<'_> = field?;
        match field.number {
            1 => key = string(field)?,
            2 => text = string(field)?,
            3 => number = scalar(field)? as i64,
            4 => unit = string(field)?,
            _ => {}
        }
    }
    let value =
        if text == StringId::EMPTY { LabelValue::Number(number, unit) } else { LabelValue::Text(text) };
    Ok(Label { key, value })
}
