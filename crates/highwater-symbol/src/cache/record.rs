//! The file format for the results of one build: a magic number, a table of strings, the addresses with their
//! frames, and a checksum over everything. Numbers are LEB128.

use std::collections::{BTreeMap, HashMap};

use flate2::Crc;

use crate::dwarf::Frame;

/// What is known of one build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// It was found in debug information with all its parts, so that no file can tell more.
    pub(crate) complete: bool,
    /// The source positions of places in the binary's file, by their offset; none where nothing is known.
    pub(crate) frames: BTreeMap<u64, Vec<Frame>>,
}

const MAGIC: &[u8] = b"highwater symbols 2\n";
const CHECKSUM_BYTES: usize = 4;

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let mut strings = Strings::default();
    let mut body = Vec::new();
    body.push(u8::from(record.complete));
    number(&mut body, record.frames.len() as u64);
    for (&offset, frames) in &record.frames {
        number(&mut body, offset);
        number(&mut body, frames.len() as u64);
        for frame in frames {
            number(&mut body, strings.id(frame.name.as_deref()));
            number(&mut body, strings.id(frame.shown.as_deref()));
            number(&mut body, strings.id(frame.file.as_deref()));
            number(&mut body, frame.line.map_or(0, u64::from));
        }
    }
    let mut bytes = MAGIC.to_vec();
    number(&mut bytes, strings.ids.len() as u64);
    bytes.extend(strings.bytes);
    bytes.extend(body);
    let sum = checksum(&bytes);
    bytes.extend(sum);
    bytes
}

/// `None` if the bytes differ in any way from the output of [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if checksum(content) != *sum {
        return None;
    }
    let mut input = Input(content.strip_prefix(MAGIC)?);
    let mut strings = Vec::new();
    for _ in 0..input.number()? {
        strings.push(input.text()?);
    }
    let string = |id: u64| match id.checked_sub(1) {
        None => Some(None),
        Some(index) => Some(Some((*strings.get(usize::try_from(index).ok()?)?).to_owned())),
    };
    let complete = input.number()? != 0;
    let mut all = BTreeMap::new();
    for _ in 0..input.number()? {
        let offset = input.number()?;
        let mut frames = Vec::new();
        for _ in 0..input.number()? {
            let (name, shown) = (string(input.number()?)?, string(input.number()?)?);
            let file = string(input.number()?)?;
            let line = u32::try_from(input.number()?).ok()?;
            frames.push(Frame { name, shown, file, line: Some(line).filter(|&it| it > 0) });
        }
        all.insert(offset, frames);
    }
    input.0.is_empty().then_some(Record { complete, frames: all })
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Strings in the order of their first use; index 0 means no string.
#[derive(Default)]
struct Strings<'a> {
    ids: HashMap<&'a str, u64>,
    bytes: Vec<u8>,
}

impl<'a> Strings<'a> {
    fn id(&mut self, text: Option<&'a str>) -> u64 {
        let Some(text) = text else { return 0 };
        let next = self.ids.len() as u64 + 1;
        let bytes = &mut self.bytes;
        *self.ids.entry(text).or_insert_with(|| {
            number(bytes, text.len() as u64);
            bytes.extend(text.as_bytes());
            next
        })
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_reads_as_it_was_written() {
        let inlined = Frame {
            name: Some("inlined".to_owned()),
            shown: Some("inlined::<u8>".to_owned()),
            file: Some("a.rs".to_owned()),
            line: None,
        };
        let outer = Frame { file: Some("a.rs".to_owned()), line: Some(u32::MAX), ..Frame::default() };
        let frames =
            BTreeMap::from([(0, vec![]), (300, vec![inlined, outer.clone()]), (u64::MAX, vec![outer])]);
        for complete in [false, true] {
            let record = Record { complete, frames: frames.clone() };
            assert_eq!(decode(&encode(&record)), Some(record));
        }
        assert_eq!(decode(&encode(&Record::default())), Some(Record::default()));
    }

    #[test]
    fn counts_beyond_the_content_are_refused() {
        // A valid checksum over invalid content: 2^63 strings in no bytes.
        let mut bytes = MAGIC.to_vec();
        number(&mut bytes, 1 << 63);
        let sum = checksum(&bytes);
        bytes.extend(sum);
        assert_eq!(decode(&bytes), None);
    }
}
