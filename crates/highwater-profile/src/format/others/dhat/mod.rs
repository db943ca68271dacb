//! DHAT's JSON, version 2: what valgrind's `--tool=dhat` and the crate `dhat` write, and `dh_view.html` shows.
//!
//! A row is a "program point": a stack, with totals since the start (`tb` bytes in `tbk` blocks), at the peak of the
//! process (`gb`, `gbk`), at the end (`eb`, `ebk`), and at the site's own maximum (`mb`, `mbk`). A profile of copies or
//! of events that a program reports itself (`ad-hoc`) has totals only.

mod decode;
mod encode;

pub(super) use decode::{decode, detect};
pub(super) use encode::encode;

use crate::ValueType;

/// The version of the format, the only one there is.
const VERSION: u32 = 2;

/// DHAT's words for times, and pprof's: microseconds, and the instructions that valgrind counts.
const TIME_UNITS: [(&str, &str); 2] = [("µs", "microseconds"), ("instrs", "instructions")];

/// What a remark begins with that holds the command line.
const COMMAND: &str = "command: ";

/// A column of the model, and the field of a row that holds it.
struct Column {
    kind: &'static str,
    unit: &'static str,
    field: &'static str,
}

impl Column {
    fn value_type(&self) -> ValueType {
        ValueType::new(self.kind, self.unit)
    }
}

macro_rules! columns {
    ($($kind:literal $unit:literal $field:literal,)*) => {
        [$(Column { kind: $kind, unit: $unit, field: $field },)*]
    };
}

/// Totals since the start.
const ALLOCATED: [Column; 2] = columns!["alloc_objects" "count" "tbk", "alloc_space" "bytes" "tb",];

/// Totals of the process's moments, in files with `bklt`.
const MOMENTS: [Column; 4] = columns![
    "inuse_objects" "count" "ebk",
    "inuse_space" "bytes" "eb",
    "peak_objects" "count" "gbk",
    "peak_space" "bytes" "gb",
];

/// The site's own maximum, in files with `bklt`.
const MAXIMUM: [Column; 2] = columns!["max_objects" "count" "mbk", "max_space" "bytes" "mb",];

/// The sum of the lifetimes of a site's blocks, in files with `bklt`; its unit is the file's.
const LIFETIME: &str = "lifetime";

/// Accesses to a site's blocks, in files with `bkacc`.
const ACCESSES: [Column; 2] = columns!["read_space" "bytes" "rb", "written_space" "bytes" "wb",];
