//! Reading pprof: protobuf into the model, every reference checked.

use std::collections::HashMap;

use prost::Message;

use super::proto;
use crate::{
    Function, FunctionId, Label, LabelValue, Line, Location, LocationId, Mapping, MappingId, Meta, Profile,
    ReadError, StringId, ValueType,
};

/// Decodes the unpacked content of a pprof file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Profile, ReadError> {
    let mut rest = bytes;
    let message = proto::Profile::decode(&mut rest).map_err(|error| ReadError::Malformed {
        offset: bytes.len() - rest.len(),
        reason: error.to_string(),
    })?;
    Decoder::new(&message)?.profile(&message)
}

fn inconsistent(field: impl Into<String>, reason: impl Into<String>) -> ReadError {
    ReadError::Inconsistent { field: field.into(), reason: reason.into() }
}

struct Decoder {
    profile: Profile,
    /// Handle of each entry of the file's string table (ours holds no string twice).
    strings: Vec<StringId>,
    mappings: HashMap<u64, MappingId>,
    functions: HashMap<u64, FunctionId>,
    locations: HashMap<u64, LocationId>,
}

impl Decoder {
    fn new(message: &proto::Profile) -> Result<Self, ReadError> {
        if message.sample_type.is_empty() {
            return Err(inconsistent("sample_type", "there is none, so the file holds no values"));
        }
        match message.string_table.first() {
            Some(first) if first.is_empty() => {}
            _ => return Err(inconsistent("string_table[0]", "it must be there and be empty")),
        }
        let text = |field: String, position: i64| {
            usize::try_from(position)
                .ok()
                .and_then(|position| message.string_table.get(position))
                .cloned()
                .ok_or_else(|| no_such_string(field, position, message.string_table.len()))
        };
        let value_type = |field: &str, it: &proto::ValueType| {
            Ok(ValueType::new(
                text(format!("{field}.type"), it.r#type)?,
                text(format!("{field}.unit"), it.unit)?,
            ))
        };
        let sample_types = (message.sample_type.iter().enumerate())
            .map(|(i, it)| value_type(&format!("sample_type[{i}]"), it))
            .collect::<Result<Vec<_>, ReadError>>()?;
        let mut profile = Profile::new(sample_types);
        profile.period_type = message.period_type.map(|it| value_type("period_type", &it)).transpose()?;
        profile.comments = (message.comment.iter().enumerate())
            .map(|(i, &position)| text(format!("comment[{i}]"), position))
            .collect::<Result<_, _>>()?;
        profile.drop_frames = text("drop_frames".into(), message.drop_frames)?;
        profile.keep_frames = text("keep_frames".into(), message.keep_frames)?;
        profile.doc_url = text("doc_url".into(), message.doc_url)?;
        let default = text("default_sample_type".into(), message.default_sample_type)?;
        profile.default_sample_type = profile.sample_type(&default);
        profile.period = message.period;
        profile.time_ns = message.time_nanos;
        profile.duration_ns = message.duration_nanos;
        let strings = message.string_table.iter().map(|it| profile.strings.intern(it)).collect();
        Ok(Self {
            profile,
            strings,
            mappings: HashMap::with_capacity(message.mapping.len()),
            functions: HashMap::with_capacity(message.function.len()),
            locations: HashMap::with_capacity(message.location.len()),
        })
    }

    fn profile(mut self, message: &proto::Profile) -> Result<Profile, ReadError> {
        for (i, it) in message.mapping.iter().enumerate() {
            self.mapping(i, it)?;
        }
        for (i, it) in message.function.iter().enumerate() {
            self.function(i, it)?;
        }
        for (i, it) in message.location.iter().enumerate() {
            self.location(i, it)?;
        }
        for (i, it) in message.sample.iter().enumerate() {
            self.sample(i, it)?;
        }
        match self.profile.meta.and_then(|meta| meta.format) {
            Some(found) if found > Meta::FORMAT => Err(ReadError::UnknownVersion { found }),
            _ => Ok(self.profile),
        }
    }

    fn string(&self, field: impl FnOnce() -> String, position: i64) -> Result<StringId, ReadError> {
        usize::try_from(position)
            .ok()
            .and_then(|position| self.strings.get(position).copied())
            .ok_or_else(|| no_such_string(field(), position, self.strings.len()))
    }

    fn mapping(&mut self, i: usize, it: &proto::Mapping) -> Result<(), ReadError> {
        let id = self.profile.add_mapping(Mapping {
            start: it.memory_start,
            limit: it.memory_limit,
            file_offset: it.file_offset,
            file: self.string(|| format!("mapping[{i}].filename"), it.filename)?,
            build_id: self.string(|| format!("mapping[{i}].build_id"), it.build_id)?,
            has_functions: it.has_functions,
            has_filenames: it.has_filenames,
            has_line_numbers: it.has_line_numbers,
            has_inline_frames: it.has_inline_frames,
        });
        register(&mut self.mappings, "mapping", i, it.id, id)
    }

    fn function(&mut self, i: usize, it: &proto::Function) -> Result<(), ReadError> {
        let id = self.profile.push_function(Function {
            name: self.string(|| format!("function[{i}].name"), it.name)?,
            system_name: self.string(|| format!("function[{i}].system_name"), it.system_name)?,
            file: self.string(|| format!("function[{i}].filename"), it.filename)?,
            start_line: it.start_line,
        });
        register(&mut self.functions, "function", i, it.id, id)
    }

    fn location(&mut self, i: usize, it: &proto::Location) -> Result<(), ReadError> {
        let mapping = match it.mapping_id {
            0 => None,
            id => Some(look_up(&self.mappings, "mapping", id, || format!("location[{i}].mapping_id"))?),
        };
        let lines = (it.line.iter().enumerate())
            .map(|(k, line)| {
                let field = || format!("location[{i}].line[{k}].function_id");
                let function = look_up(&self.functions, "function", line.function_id, field)?;
                Ok(Line { function, line: line.line })
            })
            .collect::<Result<_, ReadError>>()?;
        let id = self.profile.add_location(Location {
            mapping,
            address: it.address,
            lines,
            is_folded: it.is_folded,
        });
        register(&mut self.locations, "location", i, it.id, id)
    }

    fn sample(&mut self, i: usize, it: &proto::Sample) -> Result<(), ReadError> {
        let columns = self.profile.sample_types().len();
        if it.value.len() != columns {
            return Err(inconsistent(
                format!("sample[{i}].value"),
                format!("{} values for {columns} sample types", it.value.len()),
            ));
        }
        let labels = (it.label.iter().enumerate())
            .map(|(k, label)| {
                let field = |name| move || format!("sample[{i}].label[{k}].{name}");
                let key = self.string(field("key"), label.key)?;
                let value = match label.str {
                    0 => LabelValue::Number(label.num, self.string(field("num_unit"), label.num_unit)?),
                    text => LabelValue::Text(self.string(field("str"), text)?),
                };
                Ok(Label { key, value })
            })
            .collect::<Result<Vec<_>, ReadError>>()?;
        if it.location_id.is_empty() && self.take_meta(&labels) {
            return Ok(());
        }
        let stack = (it.location_id.iter().enumerate())
            .map(|(k, &id)| {
                look_up(&self.locations, "location", id, || format!("sample[{i}].location_id[{k}]"))
            })
            .collect::<Result<Vec<_>, ReadError>>()?;
        self.profile.samples.push(&stack, &it.value, &labels);
        Ok(())
    }

    /// Keeps the labels of the recorder's own row as [`Meta`]; false when this is an ordinary row.
    fn take_meta(&mut self, labels: &[Label]) -> bool {
        let mut meta = Meta::default();
        let mut found = false;
        for label in labels {
            let LabelValue::Number(value, _) = label.value else { continue };
            if let Some(name) = self.profile.string(label.key).strip_prefix(Meta::PREFIX) {
                meta.set(name, value);
                found = true;
            }
        }
        if found {
            self.profile.meta = Some(meta);
        }
        found
    }
}

fn no_such_string(field: String, position: i64, length: usize) -> ReadError {
    inconsistent(field, format!("string {position} of a table of {length}"))
}

fn register<H>(
    table: &mut HashMap<u64, H>,
    kind: &str,
    i: usize,
    id: u64,
    handle: H,
) -> Result<(), ReadError> {
    if id == 0 {
        return Err(inconsistent(format!("{kind}[{i}].id"), "0 is reserved for 'none'"));
    }
    match table.insert(id, handle) {
        None => Ok(()),
        Some(_) => Err(inconsistent(format!("{kind}[{i}].id"), format!("id {id} is used twice"))),
    }
}

fn look_up<H: Copy>(
    table: &HashMap<u64, H>,
    kind: &str,
    id: u64,
    field: impl FnOnce() -> String,
) -> Result<H, ReadError> {
    table.get(&id).copied().ok_or_else(|| inconsistent(field(), format!("there is no {kind} with id {id}")))
}
