//! The wire format of protocol buffers, as far as a profile needs it.
//!
//! By hand and not through generated structures: a profile has millions of numbers in a few packed fields,
//! and they go from the file into the model's tables without a structure in between.

/// Why bytes are no message, and where, from their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) struct Fault {
    pub at: usize,
    pub reason: &'static str,
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) struct Field<'a> {
    pub number: u64,
    pub value: Value<'a>,
    /// Where the field's content begins in its message.
    pub at: usize,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed size; no field of a profile is.
    Fixed,
}

const CUT_OFF: &str = "the data ends within a field";

/// The number that stands at `at`, with the position behind it.
#[inline]
pub(super) fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Fault> {
    if let Some(&byte) = bytes.get(at)
        && byte < 0x80
    {
        return Ok((u64::from(byte), at + 1));
    }
    // Most numbers have two or three bytes, in no order that a processor could foresee: without a branch for
    // each.
    if let Some(word) = bytes.get(at..at + 8).and_then(|it| it.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let stops = !word & 0x8080_8080_8080_8080;
        if stops != 0 {
            let word = word & (stops ^ (stops - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
            let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
            let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
            let value = (word & 0x0000_0000_0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
            return Ok((value, at + 1 + stops.trailing_zeros() as usize / 8));
        }
    }
    long_varint(bytes, at)
}

#[cold]
fn long_varint(bytes: &[u8], start: usize) -> Result<(u64, usize), Fault> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().skip(start).take(10) {
        let shift = 7 * (at - start);
        // The tenth byte holds the last bit.
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value, at + 1));
        }
    }
    let is_cut_off = bytes.len() < start + 10;
    Err(Fault { at: start, reason: if is_cut_off { CUT_OFF } else { "a number has more than 64 bits" } })
}

/// The numbers of a packed field.
pub(in crate::format) struct Packed<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Packed<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Iterator for Packed<'_> {
    type Item = Result<u64, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let number = varint(self.bytes, self.at);
        self.at = number.map_or(self.bytes.len(), |(_, end)| end);
        Some(number.map(|(value, _)| value))
    }
}

/// The fields of a message.
pub(in crate::format) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let field = field(self.bytes, self.at);
        self.at = field.map_or(self.bytes.len(), |(_, end)| end);
        Some(field.map(|(field, _)| field))
    }
}

/// The field that begins at `start`, with the position behind it.
#[inline]
pub(super) fn field(bytes: &[u8], start: usize) -> Result<(Field<'_>, usize), Fault> {
    let (key, at) = varint(bytes, start)?;
    let number = key >> 3;
    if number == 0 {
        return Err(Fault { at: start, reason: "a field has the number 0" });
    }
    match key & 7 {
        0 => {
            let (value, end) = varint(bytes, at)?;
            Ok((Field { number, value: Value::Number(value), at }, end))
        }
        2 => {
            let (length, at) = varint(bytes, at)?;
            let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
            let content = end.and_then(|end| Some((bytes.get(at..end)?, end)));
            let (content, end) = content.ok_or(Fault { at: start, reason: CUT_OFF })?;
            Ok((Field { number, value: Value::Bytes(content), at }, end))
        }
        kind @ (1 | 5) => {
            let end = at + if kind == 1 { 8 } else { 4 };
            bytes.get(at..end).ok_or(Fault { at: start, reason: CUT_OFF })?;
            Ok((Field { number, value: Value::Fixed, at }, end))
        }
        _ => Err(Fault { at: start, reason: "a field has a type that does not exist" }),
    }
}

/// How many bytes the field at the beginning of `bytes` takes; `None` while too few are there to tell.
pub(super) fn field_length(bytes: &[u8]) -> Option<u64> {
    let (key, at) = varint(bytes, 0).ok()?;
    match key & 7 {
        2 => varint(bytes, at).ok().map(|(length, at)| length.saturating_add(at as u64)),
        0 => varint(bytes, at).ok().map(|(_, end)| end as u64),
        1 => Some(at as u64 + 8),
        5 => Some(at as u64 + 4),
        _ => Some(at as u64),
    }
}

/// Adds a number to a message.
pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Adds a field that holds a number; the number 0 is said by leaving it out.
pub(super) fn write_number(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        write_varint(out, field << 3);
        write_varint(out, value);
    }
}

/// Adds a field that holds bytes.
pub(super) fn write_bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    write_varint(out, field << 3 | 2);
    write_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_as_written() {
        let mut values: Vec<u64> =
            (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX >> bit]).collect();
        values.extend([0, 150, 300, 0x0102_0304_0506_0708]);
        for value in values {
            for padding in [0, 12] {
                let mut bytes = vec![0xff];
                write_varint(&mut bytes, value);
                let end = bytes.len();
                bytes.resize(end + padding, 0xff);
                assert_eq!(varint(&bytes, 1), Ok((value, end)), "{value:#x} {padding}");
                let cut = varint(&bytes[..end - 1], 1);
                assert_eq!(cut, Err(Fault { at: 1, reason: CUT_OFF }), "{value:#x}");
            }
        }
        // A number may be longer than it has to be, but never than 64 bits.
        assert_eq!(varint(&[0x81, 0x80, 0x00], 0), Ok((1, 3)));
        assert_eq!(varint(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 0), Ok((1, 9)));
        for too_long in [[0x80; 10], [0xff; 10]] {
            assert_eq!(varint(&too_long, 0).unwrap_err().reason, "a number has more than 64 bits");
        }
        let last = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(varint(&last, 0).unwrap_err().reason, "a number has more than 64 bits");
    }

    #[test]
    fn fields_are_read_in_order() {
        let mut bytes = Vec::new();
        write_number(&mut bytes, 1, 150);
        write_number(&mut bytes, 2, 0);
        write_bytes(&mut bytes, 3, b"testing");
        bytes.extend([5 << 3 | 5, 1, 2, 3, 4, 6 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        let fields: Vec<Field<'_>> = Fields::new(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(fields[0], Field { number: 1, value: Value::Number(150), at: 1 });
        assert_eq!(fields[1], Field { number: 3, value: Value::Bytes(b"testing"), at: 5 });
        assert_eq!((fields[2].number, fields[2].value), (5, Value::Fixed));
        assert_eq!((fields[3].number, fields[3].value, fields.len()), (6, Value::Fixed, 4));
        let mut at = 0;
        while at < bytes.len() {
            let length = field_length(&bytes[at..]).unwrap() as usize;
            assert_eq!(field(&bytes, at).unwrap().1, at + length);
            at += length;
        }
    }

    #[test]
    fn what_is_no_field_is_said() {
        let reason = |bytes: &[u8]| Fields::new(bytes).find_map(Result::err).unwrap().reason;
        assert_eq!(reason(&[0x00]), "a field has the number 0");
        assert_eq!(reason(&[0x0b]), "a field has a type that does not exist");
        assert_eq!(reason(&[0x0a, 5, 1]), CUT_OFF);
        assert_eq!(reason(&[0x09, 5, 1]), CUT_OFF);
        let endless = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(reason(&endless), CUT_OFF);
    }

    #[test]
    fn packed_numbers_are_read_one_by_one() {
        let numbers: Vec<_> = Packed::new(&[3, 0x8e, 2, 0x9e, 0xa7, 5]).collect();
        assert_eq!(numbers, [Ok(3), Ok(270), Ok(86_942)]);
        assert_eq!(Packed::new(&[3, 0x80]).collect::<Vec<_>>()[1], Err(Fault { at: 1, reason: CUT_OFF }));
    }
}
