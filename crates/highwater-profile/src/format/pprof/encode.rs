//! Writing pprof, gzipped.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use prost::Message;

use super::proto;
use crate::{LabelValue, Meta, Profile, StringId, StringTable, ValueType};

/// Writes `profile` as gzip-compressed pprof. Equal profiles give equal bytes.
///
/// # Errors
/// Those of `out`.
pub fn write(profile: &Profile, out: impl Write) -> io::Result<()> {
    let mut gzip = GzBuilder::new().mtime(0).write(out, Compression::default());
    gzip.write_all(&message(profile).encode_to_vec())?;
    gzip.finish()?.flush()
}

fn message(profile: &Profile) -> proto::Profile {
    let mut strings = profile.strings.clone();
    let strings = &mut strings;
    let mut message = proto::Profile {
        sample_type: profile.sample_types().iter().map(|it| value_type(strings, it)).collect(),
        sample: profile.samples.iter().map(sample).collect(),
        mapping: profile.mappings().iter().zip(1..).map(mapping).collect(),
        location: profile.locations().iter().zip(1..).map(location).collect(),
        function: profile.functions().iter().zip(1..).map(function).collect(),
        drop_frames: intern(strings, &profile.drop_frames),
        keep_frames: intern(strings, &profile.keep_frames),
        time_nanos: profile.time_ns,
        duration_nanos: profile.duration_ns,
        period_type: profile.period_type.as_ref().map(|it| value_type(strings, it)),
        period: profile.period,
        comment: profile.comments.iter().map(|text| intern(strings, text)).collect(),
        default_sample_type: profile
            .default_sample_type
            .map_or(0, |index| intern(strings, &profile.sample_types()[index].kind)),
        doc_url: intern(strings, &profile.doc_url),
        string_table: Vec::new(),
    };
    if let Some(meta) = &profile.meta {
        message.sample.push(meta_sample(strings, meta, profile.sample_types().len()));
    }
    message.string_table = strings.iter().map(str::to_owned).collect();
    message
}

fn index(id: StringId) -> i64 {
    i64::from(id.0)
}

fn intern(strings: &mut StringTable, text: &str) -> i64 {
    index(strings.intern(text))
}

fn value_type(strings: &mut StringTable, value_type: &ValueType) -> proto::ValueType {
    proto::ValueType { r#type: intern(strings, &value_type.kind), unit: intern(strings, &value_type.unit) }
}

/// The row without frames that carries the recorder's facts; see [`Meta`].
fn meta_sample(strings: &mut StringTable, meta: &Meta, columns: usize) -> proto::Sample {
    let label = meta
        .facts()
        .map(|(name, num, unit)| proto::Label {
            key: intern(strings, &format!("{}{name}", Meta::PREFIX)),
            str: 0,
            num,
            num_unit: intern(strings, unit),
        })
        .collect();
    proto::Sample { location_id: Vec::new(), value: vec![0; columns], label }
}

fn sample(sample: crate::Sample<'_>) -> proto::Sample {
    proto::Sample {
        location_id: sample.stack.iter().map(|id| u64::from(id.0) + 1).collect(),
        value: sample.values.to_vec(),
        label: sample
            .labels
            .iter()
            .map(|label| {
                let (str, num, num_unit) = match label.value {
                    LabelValue::Text(text) => (index(text), 0, 0),
                    LabelValue::Number(number, unit) => (0, number, index(unit)),
                };
                proto::Label { key: index(label.key), str, num, num_unit }
            })
            .collect(),
    }
}

fn mapping((mapping, id): (&crate::Mapping, u64)) -> proto::Mapping {
    proto::Mapping {
        id,
        memory_start: mapping.start,
        memory_limit: mapping.limit,
        file_offset: mapping.file_offset,
        filename: index(mapping.file),
        build_id: index(mapping.build_id),
        has_functions: mapping.has_functions,
        has_filenames: mapping.has_filenames,
        has_line_numbers: mapping.has_line_numbers,
        has_inline_frames: mapping.has_inline_frames,
    }
}

fn location((location, id): (&crate::Location, u64)) -> proto::Location {
    proto::Location {
        id,
        mapping_id: location.mapping.map_or(0, |id| u64::from(id.0) + 1),
        address: location.address,
        line: location
            .lines
            .iter()
            .map(|line| proto::Line { function_id: u64::from(line.function.0) + 1, line: line.line })
            .collect(),
        is_folded: location.is_folded,
    }
}

fn function((function, id): (&crate::Function, u64)) -> proto::Function {
    proto::Function {
        id,
        name: index(function.name),
        system_name: index(function.system_name),
        filename: index(function.file),
        start_line: function.start_line,
    }
}
