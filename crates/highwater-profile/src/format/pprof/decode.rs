//! Reading pprof: from the wire into the model's tables, every reference checked.
//!
//! A file is read once from its beginning to its end, while it is still being unpacked. Rows come before the
//! tables that they refer to, so references are kept as they are until all is read, and then checked
//! ([`super::finish`]).

use std::io::{self, Read};

use super::field::{scalar, string, wrong_type};
use super::ids::Ids;
use super::input::{Input, malformed};
use super::late::Late;
use super::number;
use super::rows::Rows;
use super::wire::{Fault, Field, Fields, Value};
use crate::limits::Limits;
use crate::location::{Function, Line, Location, Mapping};
use crate::location::{FunctionId, MappingId};
use crate::profile::Profile;
use crate::read_error::ReadError;
use crate::stream;
use crate::string_table::{StringId, StringTable};
use crate::utf8;

/// How many fields are read before the memory they take is looked at again.
const FIELDS_BETWEEN_CHECKS: usize = 256;

/// Decodes the unpacked content of a pprof file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    decode_from(limits, &|consumer| consumer(Input::whole(bytes)))
}

/// Decodes the gzipped pprof file that `open` opens, unpacking it on another thread meanwhile.
pub(crate) fn decode_gzip<R: Read + Send>(
    open: impl Fn() -> io::Result<R>,
    limits: &Limits,
) -> Result<Profile, ReadError> {
    decode_from(limits, &|consumer| {
        stream::gzip(&open, limits, |more| consumer(Input::stream(Box::new(more))))
    })
}

type Consumer<'a> = &'a mut dyn FnMut(Input<'_>) -> Result<(), ReadError>;

/// Reads what `with_input` passes on. It is asked again for the place of an error that shows only at the end.
fn decode_from(
    limits: &Limits,
    with_input: &dyn Fn(Consumer<'_>) -> Result<(), ReadError>,
) -> Result<Profile, ReadError> {
    let mut tables = None;
    with_input(&mut |input| {
        tables = Some(Tables::read(input, limits)?);
        Ok(())
    })?;
    let finished = tables.ok_or(ReadError::Empty)?.finish();
    let profile = finished.or_else(|late| match late {
        Late::Other(error) => Err(error),
        Late::In { number, index, field, reason } => {
            let mut offset = 0;
            with_input(&mut |input| {
                offset = locate(input, number, index)?;
                Ok(())
            })?;
            Err(ReadError::Inconsistent { field, offset, reason })
        }
    })?;
    limits.check(profile.heap_bytes())?;
    Ok(profile)
}

/// Where the content of the field begins that is the `index`th with this number.
fn locate(mut input: Input<'_>, number: u64, index: usize) -> Result<usize, ReadError> {
    let (mut seen, mut last) = (0, 0);
    while let Some(field) = input.next()? {
        last = field.offset;
        if field.number == number {
            if seen == index {
                return Ok(last);
            }
            seen += 1;
        }
    }
    // What is missing as a whole is missing at the end.
    Ok(last)
}

/// What was read, with references as they stand in the file.
#[derive(Default)]
pub(super) struct Tables {
    /// Positions of kind and unit in the string table.
    pub sample_types: Vec<(u64, u64)>,
    pub period_type: Option<(u64, u64)>,
    pub comments: Vec<u64>,
    pub drop_frames: u64,
    pub keep_frames: u64,
    pub default_sample_type: u64,
    pub doc_url: u64,
    pub time_ns: i64,
    pub duration_ns: i64,
    pub period: i64,
    pub strings: StringTable,
    /// Handle of each entry of the file's string table; ours holds no string twice.
    pub string_ids: Vec<StringId>,
    pub mappings: Vec<Mapping>,
    pub mapping_ids: Ids,
    pub functions: Vec<Function>,
    pub function_ids: Ids,
    pub locations: Vec<Location>,
    pub location_ids: Ids,
    /// Lines of all locations.
    lines: usize,
    pub rows: Rows,
}

impl Tables {
    fn read(mut input: Input<'_>, limits: &Limits) -> Result<Self, ReadError> {
        let mut tables = Self {
            mapping_ids: Ids::new(),
            function_ids: Ids::new(),
            location_ids: Ids::new(),
            ..Self::default()
        };
        let mut fields = 0;
        loop {
            if fields % FIELDS_BETWEEN_CHECKS == 0 {
                limits.check(input.heap_bytes() + tables.heap_bytes())?;
            }
            fields += 1;
            let waiting = input.heap_bytes();
            let Some(field) = input.next()? else { break };
            match (field.number, field.value) {
                (number::SAMPLE, Value::Bytes(bytes)) => {
                    if bytes.len() > Rows::LONG {
                        limits.check(waiting + tables.heap_bytes() + Rows::worst_bytes(bytes.len()))?;
                    }
                    let columns = tables.sample_types.len();
                    tables.rows.add(bytes, field.offset, columns, &mut tables.location_ids)?;
                }
                (number, Value::Bytes(bytes)) => tables.message(number, bytes, field.offset)?,
                (number, Value::Number(value)) => tables.scalar(number, value, field.offset)?,
                (_, Value::Fixed) => {}
            }
        }
        Ok(tables)
    }

    fn heap_bytes(&self) -> u64 {
        let vectors = (self.sample_types.capacity() + self.comments.capacity()) * size_of::<(u64, u64)>()
            + self.string_ids.capacity() * size_of::<StringId>()
            + self.mappings.capacity() * size_of::<Mapping>()
            + self.functions.capacity() * size_of::<Function>()
            + self.locations.capacity() * size_of::<Location>()
            + self.lines * size_of::<Line>();
        let ids = [&self.mapping_ids, &self.function_ids, &self.location_ids];
        let ids: u64 = ids.into_iter().map(Ids::heap_bytes).sum();
        vectors as u64 + ids + self.strings.heap_bytes() + self.rows.heap_bytes()
    }

    /// A field that holds bytes, and is no row.
    fn message(&mut self, number: u64, bytes: &[u8], offset: usize) -> Result<(), ReadError> {
        let fault = |kind: &str, index: usize| {
            let kind = format!("{kind}[{index}]");
            move |fault: Fault| malformed(offset + fault.at, &kind, fault.reason)
        };
        match number {
            number::STRING_TABLE => {
                self.string_ids.push(self.strings.intern(&utf8::text(bytes)));
            }
            number::LOCATION => {
                let index = self.locations.len();
                let id = self.location(bytes).map_err(fault("location", index))?;
                register(&mut self.location_ids, "location", index, id, offset)?;
            }
            number::FUNCTION => {
                let index = self.functions.len();
                let id = self.function(bytes).map_err(fault("function", index))?;
                register(&mut self.function_ids, "function", index, id, offset)?;
            }
            number::MAPPING => {
                let index = self.mappings.len();
                let id = self.mapping(bytes).map_err(fault("mapping", index))?;
                register(&mut self.mapping_ids, "mapping", index, id, offset)?;
            }
            number::SAMPLE_TYPE => {
                let index = self.sample_types.len();
                self.sample_types.push(value_type(bytes).map_err(fault("sample_type", index))?);
            }
            number::PERIOD_TYPE => {
                self.period_type = Some(value_type(bytes).map_err(fault("period_type", 0))?);
            }
            number::COMMENT => {
                for comment in super::wire::Packed::new(bytes) {
                    self.comments.push(comment.map_err(fault("comment", self.comments.len()))?);
                }
            }
            number::DROP_FRAMES..=number::DOC_URL => return Err(other_type(number, offset)),
            _ => {}
        }
        Ok(())
    }

    /// A field that holds a number.
    fn scalar(&mut self, number: u64, value: u64, offset: usize) -> Result<(), ReadError> {
        match number {
            number::DROP_FRAMES => self.drop_frames = value,
            number::KEEP_FRAMES => self.keep_frames = value,
            number::TIME_NANOS => self.time_ns = value as i64,
            number::DURATION_NANOS => self.duration_ns = value as i64,
            number::PERIOD => self.period = value as i64,
            number::COMMENT => self.comments.push(value),
            number::DEFAULT_SAMPLE_TYPE => self.default_sample_type = value,
            number::DOC_URL => self.doc_url = value,
            number::SAMPLE_TYPE..=number::STRING_TABLE | number::PERIOD_TYPE => {
                return Err(other_type(number, offset));
            }
            _ => {}
        }
        Ok(())
    }

    fn mapping(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        let mut mapping = Mapping::default();
        let mut id = 0;
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => id = scalar(field)?,
                2 => mapping.start = scalar(field)?,
                3 => mapping.limit = scalar(field)?,
                4 => mapping.file_offset = scalar(field)?,
                5 => mapping.file = string(field)?,
                6 => mapping.build_id = string(field)?,
                7 => mapping.has_functions = scalar(field)? != 0,
                8 => mapping.has_filenames = scalar(field)? != 0,
                9 => mapping.has_line_numbers = scalar(field)? != 0,
                10 => mapping.has_inline_frames = scalar(field)? != 0,
                _ => {}
            }
        }
        self.mappings.push(mapping);
        Ok(id)
    }

    fn function(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        let mut function = Function::default();
        let mut id = 0;
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => id = scalar(field)?,
                2 => function.name = string(field)?,
                3 => function.system_name = string(field)?,
                4 => function.file = string(field)?,
                5 => function.start_line = scalar(field)? as i64,
                _ => {}
            }
        }
        self.functions.push(function);
        Ok(id)
    }

    fn location(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        let mut location = Location::default();
        let mut id = 0;
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => id = scalar(field)?,
                2 => {
                    let mapping = scalar(field)?;
                    location.mapping = (mapping != 0).then(|| MappingId(self.mapping_ids.refer(mapping)));
                }
                3 => location.address = scalar(field)?,
                4 => location.lines.push(line(field, &mut self.function_ids)?),
                5 => location.is_folded = scalar(field)? != 0,
                _ => {}
            }
        }
        location.lines.shrink_to_fit();
        self.lines += location.lines.len();
        self.locations.push(location);
        Ok(id)
    }
}

fn line(field: Field<'_>, function_ids: &mut Ids) -> Result<Line, Fault> {
    let (mut function, mut line, mut column) = (0, 0, 0);
    let Value::Bytes(bytes) = field.value else { return Err(wrong_type(field)) };
    for inner in Fields::new(bytes) {
        let inner = inner.map_err(|fault| Fault { at: field.at + fault.at, ..fault })?;
        match inner.number {
            1 => function = scalar(inner)?,
            2 => line = scalar(inner)? as i64,
            // No source line is that long.
            3 => column = u32::try_from(scalar(inner)?).unwrap_or(0),
            _ => {}
        }
    }
    Ok(Line { function: FunctionId(function_ids.refer(function)), line, column })
}

fn value_type(bytes: &[u8]) -> Result<(u64, u64), Fault> {
    let (mut kind, mut unit) = (0, 0);
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => kind = scalar(field)?,
            2 => unit = scalar(field)?,
            _ => {}
        }
    }
    Ok((kind, unit))
}

fn register(ids: &mut Ids, kind: &str, index: usize, id: u64, offset: usize) -> Result<(), ReadError> {
    let reason = match id {
        0 => "0 is reserved for 'none'".to_owned(),
        _ if ids.register(id) => return Ok(()),
        _ => format!("id {id} is used twice"),
    };
    Err(ReadError::Inconsistent { field: format!("{kind}[{index}].id"), offset, reason })
}

fn other_type(number: u64, offset: usize) -> ReadError {
    malformed(offset, &format!("field {number}"), "it has another type than the format says")
}

/// Whether `bytes` begin with a field of pprof's message, as far as its number and its type tell.
pub(crate) fn detect(bytes: &[u8]) -> bool {
    const LENGTH_DELIMITED: u8 = 2;
    let Some(tag) = bytes.first() else { return false };
    match (tag >> 3, tag & 7) {
        (1..=6 | 11, wire) => wire == LENGTH_DELIMITED,
        (7..=10 | 12 | 14 | 15, wire) => wire == 0,
        // Remarks are numbers, one by one or packed.
        (13, wire) => wire == 0 || wire == LENGTH_DELIMITED,
        _ => false,
    }
}
