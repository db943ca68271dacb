//! One row for each sample as CSV, for spreadsheets and databases. Written only.
//!
//! Columns, in this order: each sample type by its name, each label by its name behind `label:`, then of the innermost
//! frame `function`, `file`, `line`, `module` and `address`, and last `stack`, the names of all frames from the root to
//! the leaf with `;` between them. Lines end in LF.

use std::io::{self, Write};

use super::folded::escaped;
use super::frames::frames;
use crate::{LabelValue, Profile, Sample, StringId};

/// Columns behind those of values and labels.
const FRAME: [&str; 6] = ["function", "file", "line", "module", "address", "stack"];

/// Writes `profile` as CSV.
///
/// # Errors
/// Those of `out`.
pub(super) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let labels = label_keys(profile);
    let mut writer = csv::Writer::from_writer(out);
    for it in profile.sample_types() {
        writer.write_field(&it.kind)?;
    }
    for &key in &labels {
        writer.write_field(format!("label:{}", profile.string(key)))?;
    }
    writer.write_record(FRAME)?;
    for sample in profile.samples.iter() {
        for value in sample.values {
            writer.write_field(value.to_string())?;
        }
        for &key in &labels {
            writer.write_field(label(profile, &sample, key))?;
        }
        writer.write_record(frame_fields(profile, &sample))?;
    }
    writer.flush()
}

/// The keys of all labels, in the order in which they first come.
fn label_keys(profile: &Profile) -> Vec<StringId> {
    let mut keys = Vec::new();
    let mut seen = vec![false; profile.strings.iter().count()];
    for label in profile.samples.iter().flat_map(|it| it.labels) {
        if !std::mem::replace(&mut seen[label.key.index()], true) {
            keys.push(label.key);
        }
    }
    keys
}

/// What a row's label says; its unit is left out. Empty without one.
fn label(profile: &Profile, sample: &Sample<'_>, key: StringId) -> String {
    match sample.labels.iter().find(|it| it.key == key).map(|it| it.value) {
        Some(LabelValue::Text(text)) => profile.string(text).to_owned(),
        Some(LabelValue::Number(number, _)) => number.to_string(),
        None => String::new(),
    }
}

fn frame_fields(profile: &Profile, sample: &Sample<'_>) -> [String; FRAME.len()] {
    let frames = || sample.stack.iter().flat_map(|&id| frames(profile, profile.location(id)));
    let mut names: Vec<String> = frames().map(|it| escaped(&it.name)).collect();
    names.reverse();
    let stack = names.join(";");
    let Some(leaf) = frames().next() else { return FRAME.map(|_| String::new()) };
    let known = |text: String, is_known: bool| if is_known { text } else { String::new() };
    [
        leaf.name.into_owned(),
        leaf.file.to_owned(),
        known(leaf.line.to_string(), leaf.line != 0),
        leaf.binary.to_owned(),
        known(format!("{:#x}", leaf.address), leaf.address != 0),
        stack,
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Label, Line, Location, Mapping, Meta, Missing, ValueType};

    /// A profile with something of everything.
    pub fn small_profile() -> Profile {
        let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
        profile.duration_ns = 5;
        profile.comments.push("a \"remark\"".to_owned());
        profile.drop_frames = "malloc".to_owned();
        profile.meta = Some(Meta { peak_bytes: Some(7), ..Meta::default() });
        profile.source.lacks(Missing::Time);
        let (file, build_id) = (profile.strings.intern("/bin/demo"), profile.strings.intern("ab"));
        let mapping = Mapping {
            start: 0x1000,
            limit: u64::MAX,
            file_offset: 0x10,
            file,
            build_id,
            ..Mapping::default()
        };
        let mapping = Some(profile.add_mapping(mapping));
        let inner = profile.add_function("inner<[u8; 4]>", "_in", "src/a, b.rs");
        let outer = profile.add_function("main", "main", "");
        let lines = vec![Line::new(inner, 7), Line::new(outer, 9)];
        let leaf = profile.add_location(Location { lines, ..Location::at(mapping, 0x1010) });
        let root = profile.add_location(Location::at(mapping, 0x1020));
        let (bytes, thread) = (profile.strings.intern("bytes"), profile.strings.intern("thread"));
        let name = profile.strings.intern("a \"b\", c");
        let labels = [
            Label { key: bytes, value: LabelValue::Number(4096, bytes) },
            Label { key: thread, value: LabelValue::Text(name) },
        ];
        profile.samples.push(&[leaf, root], &[1, 4096], &labels);
        profile.samples.push(&[], &[-2, i64::MIN], &[]);
        profile
    }

    #[test]
    fn each_sample_is_a_row() {
        let mut out = Vec::new();
        encode(&small_profile(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "inuse_objects,inuse_space,label:bytes,label:thread,function,file,line,module,address,stack\n\
             1,4096,4096,\"a \"\"b\"\", c\",inner<[u8; 4]>,\"src/a, b.rs\",7,/bin/demo,0x1010,\
             \"demo+0x30;main;inner<[u8, 4]>\"\n\
             -2,-9223372036854775808,,,,,,,,\n"
        );
    }
}
