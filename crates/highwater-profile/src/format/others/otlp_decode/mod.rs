//! Reads OpenTelemetry's profiles signal, as [`super::otlp`] and collectors write it: an
//! `ExportProfilesServiceRequest` or a `ProfilesData`, which are the same on the wire.
//!
//! A profile has one kind of value there, and all refer to tables in one dictionary, in which the first entry
//! means "none". They become the columns of one profile.

mod message;

use std::collections::HashMap;

use self::message::{Dictionary, Part, Reader};
use crate::format::list::Format;
use crate::format::pprof::wire::{Field, Fields, Value};
use crate::limits::Limits;
use crate::location::{Function, Line, Location, LocationId, Mapping};
use crate::location::{FunctionId, MappingId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue};
use crate::source::Source;
use crate::string_table::StringId;
use crate::utf8;

/// The attribute of a mapping that has its GNU build id.
const BUILD_ID: &str = "process.executable.build_id.gnu";

/// Whether a message begins as one of OpenTelemetry's profiles does. A profile of pprof begins with a type of
/// values, in which there are numbers only.
pub(super) fn detect(bytes: &[u8]) -> bool {
    const RESOURCE_PROFILES: u8 = 0x0a;
    let Some(Ok(Field { number: 1, value: Value::Bytes(content), .. })) = Fields::new(bytes).next() else {
        return bytes.first() == Some(&RESOURCE_PROFILES) && is_cut_off(bytes);
    };
    // A resource, its profiles, or the address of a schema.
    matches!(content.first(), Some(0x0a | 0x12 | 0x1a))
}

/// Whether a first field that does not end within the data begins as a resource's first field does.
fn is_cut_off(bytes: &[u8]) -> bool {
    let length = bytes.iter().skip(1).take_while(|it| **it >= 0x80).count();
    matches!(bytes.get(length + 2), Some(0x0a | 0x12))
}

/// Decodes a message.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let reader = Reader { bytes, limits };
    let mut dictionary = Dictionary::default();
    let mut profiles = Vec::new();
    for field in Fields::new(bytes) {
        let field = field.map_err(|it| reader.fault(0, it))?;
        match (field.number, field.value) {
            (1, Value::Bytes(resource)) => profiles.extend(reader.profiles(resource, field.at)?),
            (2, Value::Bytes(content)) => reader.dictionary(content, field.at, &mut dictionary)?,
            _ => {}
        }
    }
    reader.build(&dictionary, &profiles)
}

impl<'a> Reader<'a> {
    /// The profiles of a resource.
    fn profiles(&self, content: &'a [u8], at: usize) -> Result<Vec<Part<'a>>, ReadError> {
        let mut profiles = Vec::new();
        for scope in self.messages(Part { content, at }, 2)? {
            profiles.extend(self.messages(scope, 2)?);
        }
        Ok(profiles)
    }

    fn build(&self, dictionary: &Dictionary<'a>, parts: &[Part<'a>]) -> Result<Profile, ReadError> {
        let text = |index: u64, at: usize| {
            let index = self.entry("string", index, dictionary.strings.len(), at)?;
            Ok::<_, ReadError>(index.map_or_else(Default::default, |it| utf8::text(dictionary.strings[it])))
        };
        let value_type = |part: Part<'a>| {
            let numbers = self.numbers(part)?;
            Ok::<_, ReadError>(ValueType::new(text(numbers[1], part.at)?, text(numbers[2], part.at)?))
        };
        // Which column each of the profiles is.
        let (mut types, mut columns) = (Vec::<ValueType>::new(), Vec::new());
        for &part in parts {
            let it = self.messages(part, 1)?.last().map(|it| value_type(*it)).transpose()?;
            let it = it.unwrap_or_else(|| ValueType::new("samples", "count"));
            let known = types.iter().position(|known| *known == it);
            columns.push(known.unwrap_or(types.len()));
            if known.is_none() {
                types.push(it);
            }
        }
        if types.is_empty() {
            return Err(self.wrong(self.bytes.len(), "there is no profile in it"));
        }
        let mut profile = Profile::new(types);
        profile.default_sample_type = profile.sample_type("inuse_space");
        profile.source = Source::of(Format::Otlp);
        self.tables(dictionary, &mut profile)?;
        let mut rows = Rows::default();
        for (&part, column) in parts.iter().zip(columns) {
            let numbers = self.numbers(part)?;
            if let Some(it) = self.messages(part, 5)?.last() {
                profile.period_type = Some(value_type(*it)?);
                profile.period = numbers[6] as i64;
            }
            let duration = i64::try_from(numbers[4]).unwrap_or(0);
            profile.duration_ns = profile.duration_ns.max(duration);
            profile.time_ns = profile.time_ns.max(self.time(part)?);
            for sample in self.messages(part, 2)? {
                self.sample(dictionary, &mut profile, &mut rows, (sample, column))?;
                self.limits.check(self.bytes.len() as u64 + profile.heap_bytes() + rows.heap_bytes())?;
            }
        }
        rows.finish(&mut profile);
        Ok(profile)
    }

    /// Mappings, functions and locations, whose first entries mean "none".
    fn tables(&self, dictionary: &Dictionary<'a>, profile: &mut Profile) -> Result<(), ReadError> {
        let string =
            |profile: &mut Profile, index: u64, at: usize| {
                let index = self.entry("string", index, dictionary.strings.len(), at)?;
                Ok::<_, ReadError>(index.map_or(StringId::EMPTY, |it| {
                    profile.strings.intern(&utf8::text(dictionary.strings[it]))
                }))
            };
        for &part in dictionary.mappings.iter().skip(1) {
            let numbers = self.numbers(part)?;
            let file = string(profile, numbers[4], part.at)?;
            let mut build_id = StringId::EMPTY;
            for index in self.repeated(part, 5)? {
                if let Some(attribute) = self.attribute(dictionary, index, part.at)?
                    && attribute.0 == BUILD_ID
                    && let Some(Attribute::Text(id)) = attribute.1
                {
                    build_id = profile.strings.intern(&id);
                }
            }
            let (start, limit, file_offset) = (numbers[1], numbers[2], numbers[3]);
            profile.add_mapping(Mapping { start, limit, file_offset, file, build_id, ..Mapping::default() });
        }
        for &part in dictionary.functions.iter().skip(1) {
            let numbers = self.numbers(part)?;
            let function = Function {
                name: string(profile, numbers[1], part.at)?,
                system_name: string(profile, numbers[2], part.at)?,
                file: string(profile, numbers[3], part.at)?,
                start_line: numbers[4] as i64,
            };
            profile.push_function(function);
        }
        for &part in dictionary.locations.iter().skip(1) {
            let numbers = self.numbers(part)?;
            let mapping = self.entry("mapping", numbers[1], dictionary.mappings.len(), part.at)?;
            let mut lines = Vec::new();
            for line in self.messages(part, 3)? {
                let numbers = self.numbers(line)?;
                let function = self.entry("function", numbers[1], dictionary.functions.len(), line.at)?;
                lines.extend(function.map(|it| Line {
                    function: FunctionId::from_index(it - 1),
                    line: numbers[2] as i64,
                    column: u32::try_from(numbers[3]).unwrap_or(0),
                }));
            }
            let mapping = mapping.map(|it| MappingId::from_index(it - 1));
            profile.add_location(Location { mapping, address: numbers[2], lines, is_folded: false });
            self.limits.check(self.bytes.len() as u64 + profile.heap_bytes())?;
        }
        Ok(())
    }

    /// The key of an attribute and its value, if that is a text or a whole number.
    fn attribute(
        &self,
        dictionary: &Dictionary<'a>,
        index: u64,
        at: usize,
    ) -> Result<Option<(String, Option<Attribute>)>, ReadError> {
        let Some(index) = self.entry("attribute", index, dictionary.attributes.len(), at)? else {
            return Ok(None);
        };
        let part = dictionary.attributes[index];
        let numbers = self.numbers(part)?;
        let text = |index: u64| {
            let index = self.entry("string", index, dictionary.strings.len(), part.at)?;
            Ok::<_, ReadError>(
                index.map_or_else(String::new, |it| utf8::text(dictionary.strings[it]).into_owned()),
            )
        };
        let mut value = None;
        for content in self.messages(part, 2)? {
            for field in self.fields(content) {
                value = match field? {
                    Field { number: 1, value: Value::Bytes(text), .. } => {
                        Some(Attribute::Text(utf8::text(text).into_owned()))
                    }
                    Field { number: 3, value: Value::Number(number), .. } => {
                        Some(Attribute::Number(number as i64, text(numbers[3])?))
                    }
                    // A text of the dictionary.
                    Field { number: 8, value: Value::Number(index), .. } => {
                        Some(Attribute::Text(text(index)?))
                    }
                    _ => value,
                };
            }
        }
        Ok(Some((text(numbers[1])?, value)))
    }

    fn sample(
        &self,
        dictionary: &Dictionary<'a>,
        profile: &mut Profile,
        rows: &mut Rows,
        (part, column): (Part<'a>, usize),
    ) -> Result<(), ReadError> {
        let stack = self.numbers(part)?[1];
        let stack = self.entry("stack", stack, dictionary.stacks.len(), part.at)?.unwrap_or(0);
        if let std::collections::hash_map::Entry::Vacant(new) = rows.stacks.entry(stack) {
            let mut frames = Vec::new();
            if stack != 0 {
                let table = dictionary.stacks[stack];
                for index in self.repeated(table, 1)? {
                    let location = self.entry("location", index, dictionary.locations.len(), table.at)?;
                    frames.extend(location.map(|it| LocationId::from_index(it - 1)));
                }
                if frames.len() > Limits::MAX_STACK_FRAMES {
                    let most = Limits::MAX_STACK_FRAMES;
                    return Err(self.wrong(table.at, format!("a stack of more than {most} frames")));
                }
            }
            new.insert(frames);
        }
        let mut labels = Vec::new();
        for index in self.repeated(part, 2)? {
            let Some((key, Some(value))) = self.attribute(dictionary, index, part.at)? else { continue };
            let key = profile.strings.intern(&key);
            let value = match value {
                Attribute::Text(text) => LabelValue::Text(profile.strings.intern(&text)),
                Attribute::Number(number, unit) => LabelValue::Number(number, profile.strings.intern(&unit)),
            };
            labels.push(Label { key, value });
        }
        let values = self.repeated(part, 4)?;
        let value = if values.is_empty() {
            // Every moment counts as one.
            i64::try_from(self.repeated_fixed(part, 5)?).unwrap_or(i64::MAX)
        } else {
            values.iter().fold(0, |sum: i64, it| sum.saturating_add(*it as i64))
        };
        let columns = profile.sample_types().len();
        let sums = rows.values.entry((stack, labels)).or_insert_with_key(|key| {
            rows.order.push(key.clone());
            vec![0; columns]
        });
        sums[column] = sums[column].saturating_add(value);
        Ok(())
    }
}

enum Attribute {
    Text(String),
    /// A number with its unit.
    Number(i64, String),
}

/// A stack, by its position in the dictionary, and labels.
type Key = (usize, Vec<Label>);

/// The rows of all profiles, in the order in which they were first seen.
#[derive(Default)]
struct Rows {
    stacks: HashMap<usize, Vec<LocationId>>,
    values: HashMap<Key, Vec<i64>>,
    order: Vec<Key>,
}

impl Rows {
    fn heap_bytes(&self) -> u64 {
        let row = 2 * size_of::<Key>() + size_of::<Vec<i64>>() + 64;
        (self.order.len() * row + self.stacks.len() * 64) as u64
    }

    fn finish(self, profile: &mut Profile) {
        for key in self.order {
            let stack = self.stacks.get(&key.0).map_or(&[][..], Vec::as_slice);
            if let Some(values) = self.values.get(&key) {
                profile.samples.push(stack, values, &key.1);
            }
        }
    }
}

#[cfg(all(test, feature = "otlp"))]
mod tests {
    use super::*;
    use crate::format::otlp;

    fn profile() -> Profile {
        let kinds = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let mut profile = Profile::new(kinds.map(|(kind, unit)| ValueType::new(kind, unit)).into());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        (profile.period, profile.time_ns) = (4096, 1_700_000_000_000_000_000);
        let (file, build_id) = (profile.strings.intern("/bin/service"), profile.strings.intern("abcd"));
        let mapping = Mapping { start: 0x1000, limit: 0x2000, file, build_id, ..Mapping::default() };
        let mapping = profile.add_mapping(mapping);
        let function = profile.add_function("main", "_main", "src/main.rs");
        let line = Line { function, line: 7, column: 9 };
        let leaf =
            profile.add_location(Location { lines: vec![line], ..Location::at(Some(mapping), 0x1010) });
        let root = profile.add_location(Location::at(Some(mapping), 0x1020));
        profile.samples.push(&[leaf, root], &[1, 100], &[]);
        profile.samples.push(&[], &[2, 20], &[]);
        profile
    }

    #[test]
    fn what_is_written_is_read_again() {
        let profile = profile();
        let message = otlp::encode(&profile, &["inuse_objects", "inuse_space"], &[]);
        let again = crate::read(&message, &Limits::default()).unwrap();
        assert_eq!(again.source.format, Format::Otlp);
        assert_eq!(again.sample_types(), profile.sample_types());
        assert_eq!((again.period, again.time_ns), (profile.period, profile.time_ns));
        let rows = |it: &Profile| {
            it.samples.iter().map(|it| (it.stack.to_vec(), it.values.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(rows(&again), rows(&profile));
        assert_eq!(again.locations()[0].lines[0].column, 9);
        assert_eq!(again.string(again.mappings()[0].build_id), "abcd");
        assert_eq!(again.string(again.functions()[0].system_name), "_main");
    }

    #[test]
    fn every_cut_is_an_error_or_a_profile() {
        let message = otlp::encode(&profile(), &["inuse_space"], &[]);
        for length in 0..message.len() {
            let _ = decode(&message[..length], &Limits::default());
        }
        let error = decode(&message[..message.len() / 2], &Limits::default()).unwrap_err().to_string();
        assert!(error.starts_with("this OpenTelemetry profile is not valid: byte "), "{error}");
    }
}
