//! The whole profile as JSON, table by table, for programs that want all of it and no protobuf. Written only.
//!
//! Tables refer to each other by position, counted from 0. Addresses are text in hexadecimal, since many
//! readers of JSON keep no more than 53 bits of a number; values are numbers. docs/FORMATS.md lists the keys.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::format::list::Format;
use crate::format::written::Written;
use crate::profile::{Profile, ValueType};
use crate::sample::{LabelValue, Sample};

/// What the document says it is. [`Format::detect`] knows it, so that the error names the file for what it
/// is.
const FORMAT: &str = "highwater-profile";

/// Goes up when a reader of the document before would misunderstand the new one.
const VERSION: u32 = 1;

/// Writes `profile` as one JSON object.
///
/// # Errors
/// The errors of `out`.
pub(super) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    serde_json::to_writer(&mut *out, &Document(profile))?;
    out.write_all(b"\n")?;
    Ok(Written::whole(profile))
}

struct Document<'a>(&'a Profile);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let profile = self.0;
        let mut document = serializer.serialize_struct("Document", 18)?;
        document.serialize_field("format", FORMAT)?;
        document.serialize_field("version", &VERSION)?;
        document.serialize_field("source", &SourceRow::of(profile))?;
        document.serialize_field("sample_types", &Each(|| profile.sample_types().iter().map(TypeRow::of)))?;
        document.serialize_field("default_sample_type", &profile.shown_sample_type())?;
        document.serialize_field("period_type", &profile.period_type.as_ref().map(TypeRow::of))?;
        document.serialize_field("period", &profile.period)?;
        document.serialize_field("time_ns", &profile.time_ns)?;
        document.serialize_field("duration_ns", &profile.duration_ns)?;
        document.serialize_field("comments", &profile.comments)?;
        document.serialize_field("drop_frames", &profile.drop_frames)?;
        document.serialize_field("keep_frames", &profile.keep_frames)?;
        let facts = profile.meta.map(|meta| meta.facts().map(|it| (it.0, it.1)).collect::<BTreeMap<_, _>>());
        document.serialize_field("recorder", &facts)?;
        document.serialize_field("identity", &profile.identity)?;
        document.serialize_field("mappings", &Each(|| mappings(profile)))?;
        document.serialize_field("functions", &Each(|| functions(profile)))?;
        document.serialize_field("locations", &Each(|| locations(profile)))?;
        document.serialize_field(
            "samples",
            &Each(|| profile.samples.iter().map(|it| SampleRow::of(profile, it))),
        )?;
        document.end()
    }
}

/// A sequence that is made while it is written.
struct Each<F>(F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

#[derive(serde::Serialize)]
struct SourceRow<'a> {
    format: &'a str,
    producer: Option<&'a str>,
    missing: Vec<String>,
}

impl<'a> SourceRow<'a> {
    fn of(profile: &'a Profile) -> Self {
        let source = &profile.source;
        Self {
            format: Format::name(source.format),
            producer: source.producer.as_deref(),
            missing: source.missing.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(serde::Serialize)]
struct TypeRow<'a> {
    kind: &'a str,
    unit: &'a str,
}

impl<'a> TypeRow<'a> {
    fn of(it: &'a ValueType) -> Self {
        Self { kind: &it.kind, unit: &it.unit }
    }
}

#[derive(serde::Serialize)]
struct MappingRow<'a> {
    start: String,
    limit: String,
    file_offset: String,
    file: &'a str,
    build_id: &'a str,
}

fn mappings(profile: &Profile) -> impl Iterator<Item = MappingRow<'_>> {
    profile.mappings().iter().map(|it| MappingRow {
        start: hexadecimal(it.start),
        limit: hexadecimal(it.limit),
        file_offset: hexadecimal(it.file_offset),
        file: profile.string(it.file),
        build_id: profile.string(it.build_id),
    })
}

fn hexadecimal(address: u64) -> String {
    format!("{address:#x}")
}

#[derive(serde::Serialize)]
struct FunctionRow<'a> {
    name: &'a str,
    system_name: &'a str,
    file: &'a str,
    start_line: i64,
}

fn functions(profile: &Profile) -> impl Iterator<Item = FunctionRow<'_>> {
    profile.functions().iter().map(|it| FunctionRow {
        name: profile.string(it.name),
        system_name: profile.string(it.system_name),
        file: profile.string(it.file),
        start_line: it.start_line,
    })
}

#[derive(serde::Serialize)]
struct LocationRow {
    mapping: Option<usize>,
    address: String,
    lines: Vec<LineRow>,
}

fn is_unknown(column: &u32) -> bool {
    *column == 0
}

#[derive(serde::Serialize)]
struct LineRow {
    function: usize,
    line: i64,
    #[serde(skip_serializing_if = "is_unknown")]
    column: u32,
}

fn locations(profile: &Profile) -> impl Iterator<Item = LocationRow> {
    profile.locations().iter().map(|it| LocationRow {
        mapping: it.mapping.map(crate::location::MappingId::index),
        address: hexadecimal(it.address),
        lines: it
            .lines
            .iter()
            .map(|it| LineRow { function: it.function.index(), line: it.line, column: it.column })
            .collect(),
    })
}

#[derive(serde::Serialize)]
struct SampleRow<'a> {
    stack: Vec<usize>,
    values: &'a [i64],
    labels: Vec<LabelRow<'a>>,
}

/// A label has a text, or a number with its unit.
#[derive(serde::Serialize)]
struct LabelRow<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl<'a> SampleRow<'a> {
    fn of(profile: &'a Profile, sample: Sample<'a>) -> Self {
        let label = |it: &crate::sample::Label| {
            let (text, number, unit) = match it.value {
                LabelValue::Text(text) => (Some(profile.string(text)), None, None),
                LabelValue::Number(number, unit) => (None, Some(number), Some(profile.string(unit))),
            };
            LabelRow { key: profile.string(it.key), text, number, unit }
        };
        Self {
            stack: sample.stack.iter().map(|it| it.index()).collect(),
            values: sample.values,
            labels: sample.labels.iter().map(label).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::others::csv::tests::small_profile;

    #[test]
    fn everything_is_written() {
        let mut out = Vec::new();
        encode(&small_profile(), &mut out).unwrap();
        assert_eq!(crate::describe::describe(&out), "our own JSON, which is written but not read");
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({
            "format": "highwater-profile",
            "version": 1,
            "source": {"format": "pprof", "producer": null, "missing": ["time"]},
            "sample_types": [{"kind": "inuse_objects", "unit": "count"}, {"kind": "inuse_space", "unit": "bytes"}],
            "default_sample_type": 1,
            "period_type": {"kind": "space", "unit": "bytes"},
            "period": 1,
            "time_ns": 0,
            "duration_ns": 5,
            "comments": ["a \"remark\""],
            "drop_frames": "malloc",
            "keep_frames": "",
            "recorder": {"peak_bytes": 7},
            "identity": {},
            "mappings": [{
                "start": "0x1000", "limit": "0xffffffffffffffff", "file_offset": "0x10", "file": "/bin/demo", "build_id": "ab"
            }],
            "functions": [
                {"name": "inner<[u8; 4]>", "system_name": "_in", "file": "src/a, b.rs", "start_line": 0},
                {"name": "main", "system_name": "main", "file": "", "start_line": 0}
            ],
            "locations": [
                {"mapping": 0, "address": "0x1010", "lines": [{"function": 0, "line": 7}, {"function": 1, "line": 9}]},
                {"mapping": 0, "address": "0x1020", "lines": []}
            ],
            "samples": [
                {
                    "stack": [0, 1],
                    "values": [1, 4096],
                    "labels": [
                        {"key": "bytes", "number": 4096, "unit": "bytes"}, {"key": "thread", "text": "a \"b\", c"}
                    ]
                },
                {"stack": [], "values": [-2, i64::MIN], "labels": []}
            ]
        });
        assert_eq!(document, expected);
    }
}
