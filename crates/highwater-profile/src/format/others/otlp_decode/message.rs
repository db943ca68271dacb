//! Messages in pieces: found by the numbers of their fields, and read when they are needed.

use crate::format::list::Format;
use crate::format::pprof::wire::{Fault, Field, Fields, Packed, Value};
use crate::limits::Limits;
use crate::read_error::ReadError;

/// A part of the message, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub content: &'a [u8],
    pub at: usize,
}

/// The tables, not looked into yet; but strings are needed everywhere.
#[derive(Default)]
pub(super) struct Dictionary<'a> {
    pub mappings: Vec<Part<'a>>,
    pub locations: Vec<Part<'a>>,
    pub functions: Vec<Part<'a>>,
    pub strings: Vec<&'a [u8]>,
    pub attributes: Vec<Part<'a>>,
    pub stacks: Vec<Part<'a>>,
}

pub(super) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub limits: &'a Limits,
}

impl<'a> Reader<'a> {
    pub fn fault(&self, start: usize, fault: Fault) -> ReadError {
        self.wrong(start + fault.at, fault.reason)
    }

    pub fn wrong(&self, offset: usize, reason: impl Into<String>) -> ReadError {
        ReadError::Binary { format: Format::Otlp.title(), offset, reason: reason.into() }
    }

    /// The fields of a part.
    pub fn fields(&self, part: Part<'a>) -> impl Iterator<Item = Result<Field<'a>, ReadError>> {
        Fields::new(part.content).map(move |it| it.map_err(|fault| self.fault(part.at, fault)))
    }

    /// The messages in the fields with a number.
    pub fn messages(&self, part: Part<'a>, number: u64) -> Result<Vec<Part<'a>>, ReadError> {
        let mut found = Vec::new();
        for field in self.fields(part) {
            if let Field { value: Value::Bytes(content), at, number: it } = field?
                && it == number
            {
                found.push(Part { content, at: part.at + at });
            }
        }
        Ok(found)
    }

    pub fn dictionary(
        &self,
        content: &'a [u8],
        at: usize,
        all: &mut Dictionary<'a>,
    ) -> Result<(), ReadError> {
        for field in self.fields(Part { content, at }) {
            let field = field?;
            let Value::Bytes(content) = field.value else { continue };
            let part = Part { content, at: at + field.at };
            match field.number {
                1 => all.mappings.push(part),
                2 => all.locations.push(part),
                3 => all.functions.push(part),
                5 => all.strings.push(content),
                6 => all.attributes.push(part),
                7 => all.stacks.push(part),
                _ => {}
            }
            let entries = all.mappings.len() + all.locations.len() + all.functions.len();
            let entries = entries + all.strings.len() + all.attributes.len() + all.stacks.len();
            self.limits.check((self.bytes.len() + 2 * entries * size_of::<Part<'_>>()) as u64)?;
        }
        Ok(())
    }

    /// The numbers of a part by their fields, of those below 8; the last of each.
    pub fn numbers(&self, part: Part<'a>) -> Result<[u64; 8], ReadError> {
        let mut numbers = [0; 8];
        for field in self.fields(part) {
            let field = field?;
            if let (Value::Number(value), Some(place)) = (field.value, numbers.get_mut(field.number as usize))
            {
                *place = value;
            }
        }
        Ok(numbers)
    }

    /// The numbers of a field that is repeated, packed or not.
    pub fn repeated(&self, part: Part<'a>, number: u64) -> Result<Vec<u64>, ReadError> {
        let mut all = Vec::new();
        for field in self.fields(part) {
            let field = field?;
            match field.value {
                _ if field.number != number => {}
                Value::Number(value) => all.push(value),
                Value::Bytes(packed) => {
                    for value in Packed::new(packed) {
                        all.push(value.map_err(|it| self.fault(part.at + field.at, it))?);
                    }
                }
                Value::Fixed => {}
            }
        }
        Ok(all)
    }

    /// How many numbers of eight bytes a field has that is repeated, packed or not.
    pub fn repeated_fixed(&self, part: Part<'a>, number: u64) -> Result<usize, ReadError> {
        let mut count = 0;
        for field in self.fields(part) {
            let field = field?;
            match field.value {
                _ if field.number != number => {}
                Value::Bytes(packed) => count += packed.len() / 8,
                Value::Fixed => count += 1,
                Value::Number(_) => {}
            }
        }
        Ok(count)
    }

    /// The entry of a table at a position; `None` for the first, which means "none".
    pub fn entry(
        &self,
        what: &str,
        index: u64,
        length: usize,
        at: usize,
    ) -> Result<Option<usize>, ReadError> {
        match usize::try_from(index) {
            Ok(0) => Ok(None),
            Ok(index) if index < length => Ok(Some(index)),
            _ => Err(self.wrong(at, format!("{what} {} of a table of {length}", index as i64))),
        }
    }

    /// When a profile was taken: a number of eight bytes.
    pub fn time(&self, part: Part<'a>) -> Result<i64, ReadError> {
        let mut time = 0;
        for field in self.fields(part) {
            let field = field?;
            if (field.number, field.value) == (3, Value::Fixed) {
                let bytes = part.content.get(field.at..).and_then(|it| it.first_chunk());
                time = bytes.map_or(0, |it| i64::try_from(u64::from_le_bytes(*it)).unwrap_or(0));
            }
        }
        Ok(time)
    }
}
