//! The end of reading: references become handles, and those that point nowhere are named.

use std::collections::BTreeMap;

use super::decode::Tables;
use super::ids::Ids;
use super::late::Late;
use super::number;
use crate::format::list::Format;
use crate::location::LocationId;
use crate::location::{FunctionId, MappingId};
use crate::meta::Meta;
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue, SampleTable};
use crate::source::Source;
use crate::string_table::StringId;

impl Tables {
    /// Makes the profile.
    pub fn finish(mut self) -> Result<Profile, Late> {
        let mut profile = self.head()?;
        self.mappings(&mut profile)?;
        self.functions(&mut profile)?;
        self.locations(&mut profile)?;
        if let Some(mut rows) = self.rows.finish() {
            if rows.columns() != profile.sample_types().len() {
                let (values, types) = (rows.columns(), profile.sample_types().len());
                let reason = format!("{values} values for {types} sample types");
                return Err(late("sample", number::SAMPLE, 0, ".value", reason));
            }
            self.labels(&mut rows)?;
            self.stacks(&mut rows)?;
            profile.samples = rows;
        }
        profile.strings = std::mem::take(&mut self.strings);
        take_meta(&mut profile, &self.rows.bare);
        if let Some(found) = profile.meta.and_then(|meta| meta.format).filter(|it| *it > Meta::FORMAT) {
            return Err(Late::Other(ReadError::UnknownVersion { found }));
        }
        crate::format::kinds::unify(&mut profile);
        let is_own = profile.meta.is_some() || !profile.identity.is_empty();
        let producer = is_own.then(|| "highwater".to_owned());
        profile.source = Source { producer, ..Source::of(Format::Pprof) };
        Ok(profile)
    }

    /// The profile without its tables.
    fn head(&self) -> Result<Profile, Late> {
        if self.sample_types.is_empty() {
            let reason = "there is none, so the file holds no values".to_owned();
            return Err(late_field("sample_type", number::SAMPLE_TYPE, 0, reason));
        }
        if self.string_ids.first() != Some(&StringId::EMPTY) {
            let reason = "it must be there and be empty".to_owned();
            return Err(late_field("string_table[0]", number::STRING_TABLE, 0, reason));
        }
        let text = |field: String, number: u64, index: usize, position: u64| {
            let known = usize::try_from(position).ok().and_then(|position| self.string_ids.get(position));
            let known = known.map(|&id| self.strings.get(id).to_owned());
            known.ok_or_else(|| late_field(&field, number, index, self.no_such_string(position)))
        };
        let value_type = |field: &str, number: u64, index: usize, (kind, unit): (u64, u64)| {
            let kind = text(format!("{field}.type"), number, index, kind)?;
            Ok(ValueType::new(kind, text(format!("{field}.unit"), number, index, unit)?))
        };
        let sample_types = (self.sample_types.iter().enumerate())
            .map(|(i, &it)| value_type(&format!("sample_type[{i}]"), number::SAMPLE_TYPE, i, it))
            .collect::<Result<Vec<_>, Late>>()?;
        let mut profile = Profile::new(sample_types);
        profile.period_type =
            self.period_type.map(|it| value_type("period_type", number::PERIOD_TYPE, 0, it)).transpose()?;
        profile.comments = (self.comments.iter().enumerate())
            .map(|(i, &position)| text(format!("comment[{i}]"), number::COMMENT, i, position))
            .collect::<Result<_, _>>()?;
        profile.drop_frames = text("drop_frames".into(), number::DROP_FRAMES, 0, self.drop_frames)?;
        profile.keep_frames = text("keep_frames".into(), number::KEEP_FRAMES, 0, self.keep_frames)?;
        profile.doc_url = text("doc_url".into(), number::DOC_URL, 0, self.doc_url)?;
        let default = self.default_sample_type;
        let default = text("default_sample_type".into(), number::DEFAULT_SAMPLE_TYPE, 0, default)?;
        profile.default_sample_type = profile.sample_type(&default);
        profile.period = self.period;
        profile.time_ns = self.time_ns;
        profile.duration_ns = self.duration_ns;
        Ok(profile)
    }

    fn no_such_string(&self, position: u64) -> String {
        format!("string {} of a table of {}", position as i64, self.string_ids.len())
    }

    /// The handle of the string at the position that stands in a handle's place.
    fn string(&self, position: StringId) -> Result<StringId, String> {
        let known = self.string_ids.get(position.index()).copied();
        known.ok_or_else(|| self.no_such_string(position.index() as u64))
    }

    fn mappings(&mut self, profile: &mut Profile) -> Result<(), Late> {
        for (i, mut it) in std::mem::take(&mut self.mappings).into_iter().enumerate() {
            for (field, id) in [(".filename", &mut it.file), (".build_id", &mut it.build_id)] {
                *id =
                    self.string(*id).map_err(|reason| late("mapping", number::MAPPING, i, field, reason))?;
            }
            profile.add_mapping(it);
        }
        Ok(())
    }

    fn functions(&mut self, profile: &mut Profile) -> Result<(), Late> {
        for (i, mut it) in std::mem::take(&mut self.functions).into_iter().enumerate() {
            let strings =
                [(".name", &mut it.name), (".system_name", &mut it.system_name), (".filename", &mut it.file)];
            for (field, id) in strings {
                *id = self
                    .string(*id)
                    .map_err(|reason| late("function", number::FUNCTION, i, field, reason))?;
            }
            profile.push_function(it);
        }
        Ok(())
    }

    fn locations(&mut self, profile: &mut Profile) -> Result<(), Late> {
        for (i, it) in self.locations.iter_mut().enumerate() {
            if let Some(MappingId(reference)) = &mut it.mapping {
                *reference = self.mapping_ids.resolve(*reference).ok_or_else(|| {
                    let reason = no_such("mapping", &self.mapping_ids, *reference);
                    late("location", number::LOCATION, i, ".mapping_id", reason)
                })?;
            }
            for (k, line) in it.lines.iter_mut().enumerate() {
                let FunctionId(reference) = line.function;
                line.function = FunctionId(self.function_ids.resolve(reference).ok_or_else(|| {
                    let reason = no_such("function", &self.function_ids, reference);
                    late("location", number::LOCATION, i, &format!(".line[{k}].function_id"), reason)
                })?);
            }
        }
        profile.set_locations(std::mem::take(&mut self.locations));
        Ok(())
    }

    fn labels(&self, rows: &mut SampleTable) -> Result<(), Late> {
        for (id, labels) in rows.all_labels() {
            for (k, label) in labels.iter().enumerate() {
                let (name, other) = match label.value {
                    LabelValue::Text(text) => ("str", text),
                    LabelValue::Number(_, unit) => ("num_unit", unit),
                };
                for (name, string) in [("key", label.key), (name, other)] {
                    self.string(string).map_err(|reason| {
                        let row = rows.labels_ids().iter().position(|it| *it == id).unwrap_or_default();
                        late("sample", number::SAMPLE, row, &format!(".label[{k}].{name}"), reason)
                    })?;
                }
            }
        }
        // Without a string that stands twice in the file's table, positions are handles already.
        if self.string_ids.len() != self.strings.len() {
            let string = |position: StringId| self.string(position).unwrap_or_default();
            rows.replace_labels(|label| Label {
                key: string(label.key),
                value: match label.value {
                    LabelValue::Text(text) => LabelValue::Text(string(text)),
                    LabelValue::Number(number, unit) => LabelValue::Number(number, string(unit)),
                },
            });
        }
        Ok(())
    }

    fn stacks(&self, rows: &mut SampleTable) -> Result<(), Late> {
        let ids = &self.location_ids;
        for (id, stack) in rows.all_stacks() {
            if let Some(k) = stack.iter().position(|location| ids.resolve(location.0).is_none()) {
                let row = rows.stack_ids().iter().position(|it| *it == id).unwrap_or_default();
                let reason = no_such("location", ids, stack[k].0);
                return Err(late("sample", number::SAMPLE, row, &format!(".location_id[{k}]"), reason));
            }
        }
        if !ids.is_numbered() {
            // They all resolve, as seen above.
            rows.replace_locations(|it| ids.resolve(it.0).map_or(it, LocationId));
        }
        Ok(())
    }
}

fn late(kind: &str, number: u64, index: usize, field: &str, reason: String) -> Late {
    late_field(&format!("{kind}[{index}]{field}"), number, index, reason)
}

fn late_field(field: &str, number: u64, index: usize, reason: String) -> Late {
    Late::In { number, index, field: field.to_owned(), reason }
}

fn no_such(kind: &str, ids: &Ids, reference: u32) -> String {
    format!("there is no {kind} with id {}", ids.id(reference))
}

/// Keeps the labels of the recorder's own row, which is among `bare`, as [`Meta`] and as who was recorded,
/// and takes that row out.
fn take_meta(profile: &mut Profile, bare: &[usize]) {
    let mut own = Vec::new();
    for &row in bare {
        let mut meta: Option<Meta> = None;
        let mut identity = BTreeMap::new();
        for label in profile.samples.get(row).labels {
            let Some(name) = profile.string(label.key).strip_prefix(Meta::PREFIX) else { continue };
            match label.value {
                LabelValue::Number(value, _) => meta.get_or_insert_default().set(name, value),
                LabelValue::Text(text) => {
                    identity.insert(name.to_owned(), profile.string(text).to_owned());
                }
            }
        }
        if meta.is_some() || !identity.is_empty() {
            profile.meta = meta.or(profile.meta);
            profile.identity.append(&mut identity);
            own.push(row);
        }
    }
    if !own.is_empty() {
        profile.samples.remove(&own);
    }
}
