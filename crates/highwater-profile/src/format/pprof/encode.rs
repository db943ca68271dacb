//! Writing pprof, gzipped: one field after the other, so that no second profile stands in memory beside the
//! first.

use std::io::{self, BufWriter, Write};

use flate2::{Compression, GzBuilder};

use super::number;
use super::wire::{write_bytes, write_number, write_varint};
use crate::format::written::Written;
use crate::meta::Meta;
use crate::profile::{Profile, ValueType};
use crate::sample::{Label, LabelValue, Sample};
use crate::string_table::{StringId, StringTable};

/// Writes `profile` as gzip-compressed pprof. Equal profiles give equal bytes.
///
/// # Errors
/// The errors of `out`.
pub fn write(profile: &Profile, out: impl Write) -> io::Result<()> {
    let gzip = GzBuilder::new().mtime(0).write(out, Compression::default());
    // Each call of the compressor costs as much as to fill its buffer of 32 KiB with zeroes, and a row has a
    // few bytes.
    let mut gzip = BufWriter::with_capacity(64 * 1024, gzip);
    write_unpacked(profile, &mut gzip)?;
    gzip.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()
}

/// As [`write`], and says what was written: all of it.
pub(crate) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    write(profile, out).map(|()| Written::whole(profile))
}

fn write_unpacked(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let mut strings = profile.strings.clone();
    // The content of the field that is being written, and of one within it.
    let (mut content, mut inner, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let mut put = |number: u64, content: &mut Vec<u8>, out: &mut dyn Write| {
        field.clear();
        write_bytes(&mut field, number, content);
        content.clear();
        out.write_all(&field)
    };
    for it in profile.sample_types() {
        value_type(&mut content, &mut strings, it);
        put(number::SAMPLE_TYPE, &mut content, out)?;
    }
    for it in profile.samples.iter() {
        sample(&mut content, &mut inner, &it);
        put(number::SAMPLE, &mut content, out)?;
    }
    if profile.meta.is_some() || !profile.identity.is_empty() {
        meta_sample(&mut content, &mut inner, &mut strings, profile);
        put(number::SAMPLE, &mut content, out)?;
    }
    for (it, id) in profile.mappings().iter().zip(1..) {
        mapping(&mut content, it, id);
        put(number::MAPPING, &mut content, out)?;
    }
    for (it, id) in profile.locations().iter().zip(1..) {
        location(&mut content, &mut inner, profile, it, id);
        put(number::LOCATION, &mut content, out)?;
    }
    for (it, id) in profile.functions().iter().zip(1..) {
        function(&mut content, it, id);
        put(number::FUNCTION, &mut content, out)?;
    }

    // What refers to strings that are not in the table yet comes to stand behind it.
    let mut rest = Vec::new();
    write_number(&mut rest, number::DROP_FRAMES, intern(&mut strings, &profile.drop_frames));
    write_number(&mut rest, number::KEEP_FRAMES, intern(&mut strings, &profile.keep_frames));
    write_number(&mut rest, number::TIME_NANOS, profile.time_ns as u64);
    write_number(&mut rest, number::DURATION_NANOS, profile.duration_ns as u64);
    if let Some(it) = &profile.period_type {
        value_type(&mut content, &mut strings, it);
        write_bytes(&mut rest, number::PERIOD_TYPE, &content);
        content.clear();
    }
    write_number(&mut rest, number::PERIOD, profile.period as u64);
    if !profile.comments.is_empty() {
        profile.comments.iter().for_each(|it| write_varint(&mut content, intern(&mut strings, it)));
        write_bytes(&mut rest, number::COMMENT, &content);
        content.clear();
    }
    let default = profile.default_sample_type.and_then(|index| profile.sample_types().get(index));
    let default = default.map_or(0, |it| intern(&mut strings, &it.kind));
    write_number(&mut rest, number::DEFAULT_SAMPLE_TYPE, default);
    write_number(&mut rest, number::DOC_URL, intern(&mut strings, &profile.doc_url));
    for text in strings.iter() {
        content.extend_from_slice(text.as_bytes());
        put(number::STRING_TABLE, &mut content, out)?;
    }
    out.write_all(&rest)
}

fn index(id: StringId) -> u64 {
    u64::from(id.0)
}

fn intern(strings: &mut StringTable, text: &str) -> u64 {
    index(strings.intern(text))
}

fn value_type(out: &mut Vec<u8>, strings: &mut StringTable, value_type: &ValueType) {
    write_number(out, 1, intern(strings, &value_type.kind));
    write_number(out, 2, intern(strings, &value_type.unit));
}

/// The row without frames that carries the recorder's facts, see [`Meta`], and who was recorded.
fn meta_sample(out: &mut Vec<u8>, inner: &mut Vec<u8>, strings: &mut StringTable, profile: &Profile) {
    write_bytes(out, 2, &vec![0; profile.sample_types().len()]);
    let key = |strings: &mut StringTable, name: &str| strings.intern(&format!("{}{name}", Meta::PREFIX));
    for (name, value, unit) in profile.meta.iter().flat_map(Meta::facts) {
        let key = key(strings, name);
        label(out, inner, &Label { key, value: LabelValue::Number(value, strings.intern(unit)) });
    }
    for (name, text) in &profile.identity {
        let key = key(strings, name);
        label(out, inner, &Label { key, value: LabelValue::Text(strings.intern(text)) });
    }
}

fn sample(out: &mut Vec<u8>, inner: &mut Vec<u8>, sample: &Sample<'_>) {
    if !sample.stack.is_empty() {
        sample.stack.iter().for_each(|id| write_varint(inner, u64::from(id.0) + 1));
        write_bytes(out, 1, inner);
        inner.clear();
    }
    sample.values.iter().for_each(|&value| write_varint(inner, value as u64));
    write_bytes(out, 2, inner);
    inner.clear();
    sample.labels.iter().for_each(|it| label(out, inner, it));
}

fn label(out: &mut Vec<u8>, inner: &mut Vec<u8>, label: &Label) {
    write_number(inner, 1, index(label.key));
    match label.value {
        LabelValue::Text(text) => write_number(inner, 2, index(text)),
        LabelValue::Number(number, unit) => {
            write_number(inner, 3, number as u64);
            write_number(inner, 4, index(unit));
        }
    }
    write_bytes(out, 3, inner);
    inner.clear();
}

/// Where the addresses that the file's own tables have are known, they are written instead of the process's
/// addresses: the mapping is normalized.
fn mapping(out: &mut Vec<u8>, mapping: &crate::location::Mapping, id: u64) {
    let [start, limit, file_offset] = match mapping.elf_start {
        Some(_) => [0, u64::MAX, 0],
        None => [mapping.start, mapping.limit, mapping.file_offset],
    };
    let fields = [
        id,
        start,
        limit,
        file_offset,
        index(mapping.file),
        index(mapping.build_id),
        u64::from(mapping.has_functions),
        u64::from(mapping.has_filenames),
        u64::from(mapping.has_line_numbers),
        u64::from(mapping.has_inline_frames),
    ];
    fields.into_iter().zip(1..).for_each(|(value, number)| write_number(out, number, value));
}

fn location(
    out: &mut Vec<u8>,
    inner: &mut Vec<u8>,
    profile: &Profile,
    location: &crate::location::Location,
    id: u64,
) {
    write_number(out, 1, id);
    write_number(out, 2, location.mapping.map_or(0, |id| u64::from(id.0) + 1));
    let mapping = location.mapping.map(|id| profile.mapping(id)).filter(|it| it.elf_start.is_some());
    write_number(out, 3, mapping.map_or(location.address, |it| it.place(location.address).number()));
    for line in &location.lines {
        write_number(inner, 1, u64::from(line.function.0) + 1);
        write_number(inner, 2, line.line as u64);
        write_number(inner, 3, u64::from(line.column));
        write_bytes(out, 4, inner);
        inner.clear();
    }
    write_number(out, 5, u64::from(location.is_folded));
}

fn function(out: &mut Vec<u8>, function: &crate::location::Function, id: u64) {
    write_number(out, 1, id);
    write_number(out, 2, index(function.name));
    write_number(out, 3, index(function.system_name));
    write_number(out, 4, index(function.file));
    write_number(out, 5, function.start_line as u64);
}
