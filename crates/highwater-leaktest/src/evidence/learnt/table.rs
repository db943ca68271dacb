//! A table in a file: numbers, and bytes to each of them, in the order of the numbers.
//!
//! Nothing is read but what is asked for, so a large table costs as little as a small one. Each record
//! carries a check of its number, its place in the table, its bytes and of what the table is about. So a
//! reader finds the damage in what it reads.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// What a file begins with. The last letter is the version.
const MAGIC: &[u8; 8] = b"hwlearn1";
/// Number, place, length and check.
const RECORD: usize = 8 + 4 + 4 + 8;
/// The check of the head, and how many records there are.
const HEAD: usize = MAGIC.len() + 8 + 4 + 4;

/// A table that was read.
#[derive(Debug)]
pub(super) struct Table {
    bytes: Vec<u8>,
    seed: u64,
    /// Where the records begin.
    records: usize,
    count: usize,
}

/// What was asked for is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// A check of these few numbers and bytes. Hashes of libraries take long in code that is not optimized.
fn check(seed: u64, numbers: [u64; 3], content: &[u8]) -> u64 {
    let [first, second, third] = numbers;
    let mut state = mix(mix(mix(mix(seed, first), second), third), content.len() as u64);
    let (words, rest) = content.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    for byte in rest {
        state = mix(state, u64::from(*byte));
    }
    state ^ state >> 32
}

/// One step of it. It loses nothing, so that two contents that differ in one word have two checks.
fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What all checks of a table begin with.
fn seed(identity: &[u8]) -> u64 {
    check(0, [0; 3], identity)
}

impl Table {
    /// The table in these bytes. `None` for another version, for what is about something else than
    /// `identity`, and for what is cut off or damaged at its beginning.
    pub(super) fn read(bytes: Vec<u8>, identity: &[u8]) -> Option<Self> {
        let behind = bytes.strip_prefix(MAGIC)?;
        let (head_check, behind) = (number(behind, 0)?, behind.get(8..)?);
        let (count, length) = (short(behind, 0)?, short(behind, 4)?);
        let name = behind.get(8..)?.get(..length as usize)?;
        let total = bytes.len() as u64;
        let seed = seed(identity);
        let is_own = name == identity && head_check == check(seed, [u64::from(count), total, 0], MAGIC);
        let (records, count) = (HEAD + identity.len(), usize::try_from(count).ok()?);
        let table = Self { seed, records, count, bytes };
        (is_own && table.data() <= table.bytes.len()).then_some(table)
    }

    /// Where the content of the records begins.
    fn data(&self) -> usize {
        self.records.saturating_add(self.count.saturating_mul(RECORD))
    }

    /// The head of a record.
    fn record(&self, index: usize) -> Option<&[u8]> {
        let begin = self.records + index * RECORD;
        self.bytes.get(begin..begin + RECORD)
    }

    /// The number and the bytes of a record, if they are as they were written.
    fn checked(&self, index: usize) -> Result<(u64, &[u8]), Damaged> {
        let read = || {
            let record = self.record(index)?;
            let (key, place, length) = (number(record, 0)?, short(record, 8)?, short(record, 12)?);
            let begin = self.data().checked_add(usize::try_from(place).ok()?)?;
            let content = self.bytes.get(begin..begin.checked_add(usize::try_from(length).ok()?)?)?;
            let is_whole =
                number(record, 16)? == check(self.seed, [index as u64, key, u64::from(place)], content);
            is_whole.then_some((key, content))
        };
        read().ok_or(Damaged)
    }

    /// Place of the first record whose number is above `key`.
    fn above(&self, key: u64) -> usize {
        let (heads, _) = self.bytes.get(self.records..).unwrap_or_default().as_chunks::<RECORD>();
        let (mut low, mut high) = (0, self.count.min(heads.len()));
        while low < high {
            let middle = low + (high - low) / 2;
            // Taken apart like this, a number is read in few instructions where nothing is optimized.
            let [a, b, c, d, e, f, g, h, ..] = heads[middle];
            if u64::from_le_bytes([a, b, c, d, e, f, g, h]) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The bytes of this number.
    pub(super) fn get(&self, key: u64) -> Result<Option<&[u8]>, Damaged> {
        let found = self.at_or_before(key)?;
        Ok(found.filter(|(it, _)| *it == key).map(|(_, content)| content))
    }

    /// The last record whose number is `key` or below.
    pub(super) fn at_or_before(&self, key: u64) -> Result<Option<(u64, &[u8])>, Damaged> {
        let above = self.above(key);
        if above < self.count && self.checked(above)?.0 <= key {
            return Err(Damaged);
        }
        let Some(index) = above.checked_sub(1) else { return Ok(None) };
        let found = self.checked(index)?;
        if found.0 > key { Err(Damaged) } else { Ok(Some(found)) }
    }

    /// All records that are as they were written.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (0..self.count).filter_map(|it| self.checked(it).ok())
    }
}

/// Writes a table about `identity`.
pub(super) fn write(
    out: &mut dyn Write,
    identity: &[u8],
    records: &BTreeMap<u64, Vec<u8>>,
) -> io::Result<()> {
    let too_many = || io::Error::from(io::ErrorKind::FileTooLarge);
    let short = |number: usize| u32::try_from(number).map_err(|_| too_many());
    let content: usize = records.values().map(Vec::len).sum();
    let total = HEAD + identity.len() + records.len() * RECORD + content;
    short(total)?;
    let count = short(records.len())?;
    out.write_all(MAGIC)?;
    let seed = seed(identity);
    out.write_all(&check(seed, [u64::from(count), total as u64, 0], MAGIC).to_le_bytes())?;
    out.write_all(&count.to_le_bytes())?;
    out.write_all(&short(identity.len())?.to_le_bytes())?;
    out.write_all(identity)?;
    let mut place = 0_u32;
    for (index, (key, content)) in records.iter().enumerate() {
        let length = short(content.len())?;
        let check = check(seed, [index as u64, *key, u64::from(place)], content);
        out.write_all(&key.to_le_bytes())?;
        out.write_all(&place.to_le_bytes())?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&check.to_le_bytes())?;
        place = place.checked_add(length).ok_or_else(too_many)?;
    }
    records.values().try_for_each(|it| out.write_all(it))
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> BTreeMap<u64, Vec<u8>> {
        let content = |it: u64| vec![it as u8; it as usize % 5];
        (0..40).map(|it| it * 10).map(|it| (it, content(it))).collect()
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, b"build", &records()).unwrap();
        bytes
    }

    #[test]
    fn what_was_written_is_found() {
        let table = Table::read(written(), b"build").unwrap();
        for (key, content) in records() {
            assert_eq!(table.get(key), Ok(Some(&content[..])), "{key}");
            assert_eq!(table.get(key + 1), Ok(None));
            assert_eq!(table.at_or_before(key + 9), Ok(Some((key, &content[..]))));
        }
        assert_eq!(table.records().count(), 40);
        let mut empty = Vec::new();
        write(&mut empty, b"", &BTreeMap::new()).unwrap();
        assert_eq!(Table::read(empty, b"").unwrap().at_or_before(7), Ok(None));
    }

    #[test]
    fn a_table_of_another_build_is_not_read() {
        assert!(Table::read(written(), b"other").is_none());
        assert!(Table::read(written(), b"buil").is_none());
        let mut other_version = written();
        other_version[7] = b'2';
        assert!(Table::read(other_version, b"build").is_none());
    }

    #[test]
    fn no_damage_yields_a_wrong_answer() {
        let whole = written();
        for place in 0..whole.len() {
            for bit in [0, 3, 7] {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                let Some(table) = Table::read(damaged, b"build") else { continue };
                for (key, content) in records() {
                    let found = table.get(key);
                    assert!(found == Ok(Some(&content[..])) || found == Err(Damaged), "{place} {key}");
                    let before = table.at_or_before(key + 5);
                    let is_right = before == Ok(Some((key, &content[..])));
                    assert!(is_right || before == Err(Damaged), "{place} {key}");
                }
            }
        }
        for end in 0..whole.len() {
            assert!(Table::read(whole[..end].to_vec(), b"build").is_none(), "cut at {end}");
        }
    }
}
