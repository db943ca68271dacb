//! What a field holds, where it has one type only.

use super::wire::{Fault, Field, Value};
use crate::string_table::StringId;

/// The number that a field holds.
pub(super) fn scalar(field: Field<'_>) -> Result<u64, Fault> {
    match field.value {
        Value::Number(value) => Ok(value),
        _ => Err(wrong_type(field)),
    }
}

/// A position in the file's string table, kept in a handle until that table is known.
pub(super) fn string(field: Field<'_>) -> Result<StringId, Fault> {
    let position = u32::try_from(scalar(field)?);
    position.map(StringId).map_err(|_| Fault {
        at: field.at,
        reason: "it refers to a string beyond the end of every string table",
    })
}

pub(super) fn wrong_type(field: Field<'_>) -> Fault {
    Fault { at: field.at, reason: "a field has another type than the format says" }
}
