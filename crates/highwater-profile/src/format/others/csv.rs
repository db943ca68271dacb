//! One row for each sample as CSV, for spreadsheets and databases. Written only.
//!
//! Columns, in this order: each sample type by its name, each label by its name behind `label:`, then of the
//! innermost frame `function`, `file`, `line`, `module` and `address`, then `stack`, the names of all frames
//! from the root to the leaf with `;` between them, and last `where`, if the caller knows what values are put
//! down to. Lines end in LF.

use std::io::{self, Write};

use super::folded::escaped;
use super::frames::frames;
use crate::format::written::Written;
use crate::profile::Profile;
use crate::sample::{LabelValue, Sample, StackId};
use crate::string_table::StringId;

/// Columns behind the columns of values and labels.
const FRAME: [&str; 6] = ["function", "file", "line", "module", "address", "stack"];

/// The column of what values are put down to.
const WHERE: &str = "where";

/// Writes `profile` as CSV, and says what was written. With `causes` a row has a last column `where`: what
/// they say of its stack.
///
/// # Errors
/// The errors of `out`.
pub fn write(
    profile: &Profile,
    causes: Option<&dyn Fn(StackId) -> String>,
    out: &mut dyn Write,
) -> io::Result<Written> {
    let labels = label_keys(profile);
    let mut writer = csv::Writer::from_writer(out);
    for it in profile.sample_types() {
        writer.write_field(&it.kind)?;
    }
    for &key in &labels {
        writer.write_field(format!("label:{}", profile.string(key)))?;
    }
    FRAME.into_iter().chain(causes.map(|_| WHERE)).try_for_each(|it| writer.write_field(it))?;
    writer.write_record(None::<&[u8]>)?;
    for sample in profile.samples.iter() {
        for value in sample.values {
            writer.write_field(value.to_string())?;
        }
        for &key in &labels {
            writer.write_field(label(profile, &sample, key))?;
        }
        let cause = causes.map(|it| it(sample.stack_id));
        frame_fields(profile, &sample).into_iter().chain(cause).try_for_each(|it| writer.write_field(it))?;
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()?;
    Ok(Written::whole(profile))
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

/// As [`write`], for callers that do not know what values are put down to.
pub(super) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    write(profile, None, out)
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
        write(&small_profile(), None, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "inuse_objects,inuse_space,label:bytes,label:thread,function,file,line,module,address,stack\n\
             1,4096,4096,\"a \"\"b\"\", c\",inner<[u8; 4]>,\"src/a, b.rs\",7,/bin/demo,0x1010,\
             \"demo+0x30;main;inner<[u8, 4]>\"\n\
             -2,-9223372036854775808,,,,,,,,\n"
        );
    }
    #[test]
    fn what_a_row_is_put_down_to_stands_last() {
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        let leaf = profile.add_location(Location::at(None, 0x10));
        profile.samples.push(&[leaf], &[7], &[]);
        let mut out = Vec::new();
        write(&profile, Some(&|_| "src/a, b.rs:7 main".to_owned()), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "inuse_space,function,file,line,module,address,stack,where\n\
             7,0x10,,,,0x10,0x10,\"src/a, b.rs:7 main\"\n"
        );
    }
}
