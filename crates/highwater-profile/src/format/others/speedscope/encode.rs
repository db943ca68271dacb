//! Writes speedscope files.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{NO_UNIT, SCHEMA};
use crate::format::list::Format;
use crate::format::others::columns::{not_negative, shown_column};
use crate::format::others::frames::FrameTable;
use crate::format::written::Written;
use crate::profile::Profile;

/// A frame as the file has it. Equal ones are one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct SharedFrame {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    #[serde(skip_serializing_if = "is_unknown")]
    line: i64,
}

fn is_unknown(line: &i64) -> bool {
    *line <= 0
}

/// Writes all sample types of a profile, inlined calls as frames of their own. What speedscope shows first is
/// the default sample type.
///
/// # Errors
/// The errors of `out`, and [`io::ErrorKind::InvalidInput`] for a profile without columns or with negative
/// values.
pub(in crate::format::others) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    let shown = shown_column(profile)?;
    let columns: Vec<usize> = (0..profile.sample_types().len()).collect();
    not_negative(profile, &columns, Format::Speedscope)?;
    let (mut shared, mut numbers) = (Vec::new(), HashMap::new());
    let table = FrameTable::of(profile, |frame| {
        let frame = SharedFrame {
            name: frame.name.into_owned(),
            file: frame.file.to_owned(),
            line: frame.line.max(0),
        };
        *numbers.entry(frame).or_insert_with_key(|frame| {
            shared.push(frame.clone());
            shared.len() - 1
        }) as u32
    });
    write!(out, "{{\"$schema\":\"{SCHEMA}\",\"exporter\":\"highwater {}\"", env!("CARGO_PKG_VERSION"))?;
    write!(out, ",\"activeProfileIndex\":{shown},\"shared\":{{\"frames\":[")?;
    for (index, frame) in shared.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, frame)?;
    }
    out.write_all(b"]},\"profiles\":[")?;
    for &column in &columns {
        out.write_all(if column == 0 { b"\n" } else { b",\n" })?;
        one(profile, column, &table, out)?;
    }
    out.write_all(b"]}\n")?;
    Ok(Written::of(profile, columns))
}

/// Writes one column.
fn one(profile: &Profile, column: usize, table: &FrameTable, out: &mut dyn Write) -> io::Result<()> {
    let value_type = &profile.sample_types()[column];
    let rows = || profile.samples.iter().filter(|row| row.values[column] != 0);
    let name = serde_json::to_string(&value_type.kind)?;
    let unit = unit(&value_type.unit);
    let total = profile.samples.total(column);
    write!(out, "{{\"type\":\"sampled\",\"name\":{name},\"unit\":\"{unit}\",\"startValue\":0,")?;
    write!(out, "\"endValue\":{total},\"samples\":[")?;
    let mut stack = Vec::new();
    for (index, row) in rows().enumerate() {
        table.stack(row.stack, &mut stack);
        stack.reverse();
        out.write_all(if index == 0 { b"" } else { b"," })?;
        serde_json::to_writer(&mut *out, &stack)?;
    }
    out.write_all(b"],\"weights\":[")?;
    for (index, row) in rows().enumerate() {
        write!(out, "{}{}", if index == 0 { "" } else { "," }, row.values[column])?;
    }
    out.write_all(b"]}")
}

/// speedscope's word for a unit. It knows a few.
fn unit(unit: &str) -> &str {
    match unit {
        "bytes" | "nanoseconds" | "microseconds" | "milliseconds" | "seconds" => unit,
        _ => NO_UNIT,
    }
}
