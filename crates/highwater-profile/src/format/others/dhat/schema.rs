//! DHAT's words: the fields of a row and the columns of the model that they fill.

use crate::profile::ValueType;

/// The version of the format, the only one there is.
pub(super) const VERSION: u32 = 2;

/// DHAT's words for times, and pprof's: microseconds, and the instructions that valgrind counts.
pub(super) const TIME_UNITS: [(&str, &str); 2] = [("µs", "microseconds"), ("instrs", "instructions")];

/// What a remark begins with that holds the command line.
pub(super) const COMMAND: &str = "command: ";

/// A column of the model, and the field of a row that holds it.
pub(super) struct Column {
    pub(super) kind: &'static str,
    pub(super) unit: &'static str,
    pub(super) field: &'static str,
}

impl Column {
    pub(super) fn value_type(&self) -> ValueType {
        ValueType::new(self.kind, self.unit)
    }
}

macro_rules! columns {
    ($($kind:literal $unit:literal $field:literal,)*) => {
        [$(Column { kind: $kind, unit: $unit, field: $field },)*]
    };
}

/// Totals since the start.
pub(super) const ALLOCATED: [Column; 2] =
    columns!["alloc_objects" "count" "tbk", "alloc_space" "bytes" "tb",];

/// Totals of the process's moments, in files with `bklt`.
pub(super) const MOMENTS: [Column; 4] = columns![
    "inuse_objects" "count" "ebk",
    "inuse_space" "bytes" "eb",
    "peak_objects" "count" "gbk",
    "peak_space" "bytes" "gb",
];

/// The site's own maximum, in files with `bklt`.
pub(super) const MAXIMUM: [Column; 2] = columns!["max_objects" "count" "mbk", "max_space" "bytes" "mb",];

/// The sum of the lifetimes of a site's blocks, in files with `bklt`; its unit is the file's.
pub(super) const LIFETIME: &str = "lifetime";

/// Accesses to a site's blocks, in files with `bkacc`.
pub(super) const ACCESSES: [Column; 2] = columns!["read_space" "bytes" "rb", "written_space" "bytes" "wb",];
