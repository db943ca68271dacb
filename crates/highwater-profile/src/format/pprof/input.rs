//! The unpacked bytes of a file, all at once or as they are unpacked on another thread.

use std::borrow::Cow;

use super::wire::{self, Fault, Field, Value};
use crate::read_error::ReadError;

/// More bytes, or `None` at the end.
pub(super) type More<'a> = Box<dyn FnMut() -> Result<Option<Vec<u8>>, ReadError> + 'a>;

/// The most bytes that a field's number, type and length take.
const LONGEST_HEAD: usize = 20;

/// The fields of the outermost message, one after the other.
pub(super) struct Input<'a> {
    chunk: Cow<'a, [u8]>,
    /// Where the next field begins in `chunk`.
    at: usize,
    /// Where `chunk` begins in the unpacked data.
    start: usize,
    /// A field that began in an earlier chunk.
    joint: Vec<u8>,
    more: Option<More<'a>>,
}

/// A field and where its content begins in the unpacked data.
pub(super) struct Top<'a> {
    pub number: u64,
    pub value: Value<'a>,
    pub offset: usize,
}

impl<'a> Input<'a> {
    /// Input that is here already.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self { chunk: Cow::Borrowed(bytes), at: 0, start: 0, joint: Vec::new(), more: None }
    }

    /// Input that comes bit by bit.
    pub fn stream(more: More<'a>) -> Self {
        Self { more: Some(more), ..Self::whole(&[]) }
    }

    /// The next field; `None` at the end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Top<'_>>, ReadError> {
        let rest = self.chunk.len() - self.at;
        if self.more.is_none()
            || wire::field_length(&self.chunk[self.at..]).is_some_and(|it| it <= rest as u64)
        {
            if rest == 0 {
                return Ok(None);
            }
            let (field, end) = wire::field(&self.chunk, self.at).map_err(|it| fault(self.start, it))?;
            self.at = end;
            return Ok(Some(top(self.start, field)));
        }
        let start = self.start + self.at;
        self.join()?;
        if self.joint.is_empty() {
            return Ok(None);
        }
        let (field, _) = wire::field(&self.joint, 0).map_err(|it| fault(start, it))?;
        Ok(Some(top(start, field)))
    }

    /// Memory that is taken by input that is here, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        (self.chunk.len() + self.joint.capacity()) as u64
    }

    /// Puts the next field together from this chunk and those that follow, as far as there is enough input.
    #[cold]
    fn join(&mut self) -> Result<(), ReadError> {
        self.joint.clear();
        loop {
            let missing = match wire::field_length(&self.joint) {
                Some(length) => length.saturating_sub(self.joint.len() as u64),
                // This many bytes show the length of any field. The length of a faulty field is not worth
                // looking for.
                None => LONGEST_HEAD.saturating_sub(self.joint.len()).min(1) as u64,
            };
            if missing == 0 {
                return Ok(());
            }
            if self.at == self.chunk.len() {
                let next = self.more.as_mut().map_or(Ok(None), |more| more())?;
                self.start += self.chunk.len();
                self.at = 0;
                self.chunk = Cow::Owned(next.unwrap_or_default());
                if self.chunk.is_empty() {
                    self.more = None;
                    return Ok(());
                }
            }
            let rest = &self.chunk[self.at..];
            let taken = usize::try_from(missing).map_or(rest.len(), |missing| missing.min(rest.len()));
            self.joint.extend_from_slice(&rest[..taken]);
            self.at += taken;
        }
    }
}

fn top(start: usize, Field { number, value, at }: Field<'_>) -> Top<'_> {
    Top { number, value, offset: start + at }
}

fn fault(start: usize, fault: Fault) -> ReadError {
    malformed(start + fault.at, "the profile", fault.reason)
}

/// The error for bytes that are no message.
pub(super) fn malformed(offset: usize, field: &str, reason: &str) -> ReadError {
    ReadError::Malformed { offset, reason: format!("{field}: {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(mut input: Input<'_>) -> Vec<(u64, usize, Vec<u8>)> {
        let mut found = Vec::new();
        while let Some(field) = input.next().unwrap() {
            let Value::Bytes(bytes) = field.value else { panic!("{:?}", field.value) };
            found.push((field.number, field.offset, bytes.to_vec()));
        }
        found
    }

    #[test]
    fn chunks_of_any_size_make_the_same_fields() {
        let mut bytes = Vec::new();
        for (field, length) in [(1, 0), (2, 1), (3, 200), (4, 7), (5, 1000), (6, 3)] {
            wire::write_bytes(&mut bytes, field, &vec![field as u8; length]);
        }
        let whole = numbers(Input::whole(&bytes));
        assert_eq!(whole.len(), 6);
        assert_eq!(bytes[whole[4].1], 5);
        for size in [1, 2, 3, 7, 64, 999, 5000] {
            let mut chunks = bytes.chunks(size);
            let more = Box::new(move || Ok(chunks.next().map(<[u8]>::to_vec)));
            assert_eq!(numbers(Input::stream(more)), whole, "{size}");
        }
    }

    #[test]
    fn the_end_of_the_input_is_no_end_of_a_field() {
        let mut chunks = [&[0x0a, 9][..], &[1, 2]].into_iter();
        let mut input = Input::stream(Box::new(move || Ok(chunks.next().map(<[u8]>::to_vec))));
        let error = input.next().err().unwrap().to_string();
        assert!(error.contains("at byte 0") && error.contains("ends within a field"), "{error}");
    }
}
