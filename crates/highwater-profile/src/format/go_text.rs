//! Writes Go's heap profile as text, which Go gives for `/debug/pprof/heap?debug=1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::location::LocationId;
use crate::profile::Profile;

/// Live blocks and bytes, allocated blocks and bytes: the four values of a row, in the order of the text.
const COLUMNS: [&str; 4] = ["inuse_objects", "inuse_space", "alloc_objects", "alloc_space"];

/// Writes the live and the allocated blocks and bytes of every stack. Those that the profile does not have
/// are 0.
///
/// Addresses that are a file's own ([`Mapping::is_normalized`](crate::Mapping::is_normalized)) have a mapping
/// in the text only if there is no other one. Of several, a reader has the names that are written below each
/// stack.
///
/// The first line states an interval of one byte, whatever the profile says of it: the values are scaled up
/// already, and a reader is not to do it again.
///
/// # Errors
/// The errors of `out`.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let columns = COLUMNS.map(|kind| profile.sample_type(kind));
    let mut totals = [0; 4];
    let mut rows: BTreeMap<&[LocationId], [i64; 4]> = BTreeMap::new();
    for sample in profile.samples.iter() {
        let row = rows.entry(sample.stack).or_default();
        for (index, column) in columns.iter().enumerate() {
            let value = column.map_or(0, |column| sample.values[column]);
            row[index] += value;
            totals[index] += value;
        }
    }
    writeln!(out, "heap profile: {} @ heap/2", Values(totals))?;
    let mut rows: Vec<_> = rows.into_iter().filter(|(_, values)| *values != [0; 4]).collect();
    rows.sort_by_key(|(_, values)| std::cmp::Reverse(values[1]));
    for (stack, values) in rows {
        write!(out, "{} @", Values(values))?;
        for &id in stack {
            write!(out, " {:#x}", profile.location(id).address)?;
        }
        writeln!(out)?;
        for &id in stack {
            let location = profile.location(id);
            for line in &location.lines {
                let function = profile.function(line.function);
                let (name, file) = (profile.string(function.name), profile.string(function.file));
                let address = location.address.saturating_sub(1);
                writeln!(out, "#\t{address:#x}\t{}+0x0\t{}:{}", plain(name), plain(file), line.line)?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out, "MAPPED_LIBRARIES:")?;
    // The text gives the range of a mapping, and nothing else that shows which mapping an address is in. One
    // whose addresses are its file's own has all of them, and would take the addresses of the others.
    let is_alone = profile.mappings().len() == 1;
    for mapping in profile.mappings().iter().filter(|it| is_alone || !it.is_normalized()) {
        let path = plain(profile.string(mapping.file));
        let (start, limit, offset) = (mapping.start, mapping.limit, mapping.file_offset);
        writeln!(out, "{start:x}-{limit:x} r-xp {offset:08x} 00:00 0 {path}")?;
    }
    Ok(())
}

/// The characters that end a field or a line of the text, taken out.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// `live blocks: live bytes [allocated blocks: allocated bytes]`.
struct Values([i64; 4]);

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [live_blocks, live_bytes, alloc_blocks, alloc_bytes] = self.0;
        write!(f, "{live_blocks}: {live_bytes} [{alloc_blocks}: {alloc_bytes}]")
    }
}

#[cfg(all(test, feature = "formats"))]
mod tests {
    use super::*;
    use crate::{Limits, Line, Location, Mapping, ValueType};

    #[test]
    fn what_is_written_is_read_again() {
        let kinds = [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count")];
        let mut types: Vec<_> = kinds.map(|(kind, unit)| ValueType::new(kind, unit)).into();
        types.push(ValueType::new("inuse_space", "bytes"));
        let mut profile = Profile::new(types);
        let file = profile.strings.intern("/bin/demo");
        let mapping =
            profile.add_mapping(Mapping { start: 0x1000, limit: 0x2000, file, ..Mapping::default() });
        let function = profile.add_function("main", "main", "src/main.rs");
        let leaf = profile.add_location(Location {
            lines: vec![Line::new(function, 7)],
            ..Location::at(Some(mapping), 0x1010)
        });
        let root = profile.add_location(Location::at(Some(mapping), 0x1020));
        profile.samples.push(&[leaf, root], &[3, 300, 1, 100], &[]);
        profile.samples.push(&[leaf, root], &[2, 20, 2, 20], &[]);
        profile.samples.push(&[root], &[1, 5000, 1, 5000], &[]);
        let mut text = Vec::new();
        write(&profile, &mut text).unwrap();
        let again = crate::read_as(crate::Format::GoText, &text, &Limits::default()).unwrap();
        let kinds = ["inuse_objects", "inuse_space", "alloc_objects", "alloc_space"];
        let totals = kinds.map(|kind| again.samples.total(again.sample_type(kind).unwrap()));
        assert_eq!(totals, [4, 5120, 6, 5320]);
        assert_eq!(again.samples.len(), 2);
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("3: 120 [5: 320] @ 0x1010 0x1020\n#\t0x100f\tmain+0x0\tsrc/main.rs:7\n"),
            "{text}"
        );
        assert!(text.ends_with("1000-2000 r-xp 00000000 00:00 0 /bin/demo\n"), "{text}");
    }
    /// No address is put down to a mapping that it does not belong to.
    #[test]
    fn a_mapping_of_all_addresses_takes_none_from_others() {
        for others in [0, 1] {
            let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
            let (demo, library) = (profile.strings.intern("/bin/demo"), profile.strings.intern("/lib/c.so"));
            let whole = Mapping { limit: u64::MAX, file: demo, ..Mapping::default() };
            let whole = profile.add_mapping(whole);
            let mut stack = vec![profile.add_location(Location::at(Some(whole), 0x1010))];
            for _ in 0..others {
                let range = Mapping { start: 0x7000, limit: 0x8000, file: library, ..Mapping::default() };
                let mapping = profile.add_mapping(range);
                stack.push(profile.add_location(Location::at(Some(mapping), 0x7010)));
            }
            profile.samples.push(&stack, &[7], &[]);
            let mut text = Vec::new();
            write(&profile, &mut text).unwrap();
            let again = crate::read_as(crate::Format::GoText, &text, &Limits::default()).unwrap();
            let file = |id: &LocationId| {
                let mapping = again.location(*id).mapping;
                mapping.map(|it| again.string(again.mapping(it).file).to_owned())
            };
            let files: Vec<_> = again.samples.get(0).stack.iter().map(file).collect();
            let expected = if others == 0 {
                vec![Some("/bin/demo".to_owned())]
            } else {
                vec![None, Some("/lib/c.so".to_owned())]
            };
            assert_eq!(files, expected);
        }
    }
}
