//! OpenTelemetry's profiles signal, as `opentelemetry-proto` has it: a request that a collector takes by
//! HTTP.
//!
//! The signal is in development: the schema of version 1.10.0 is written here, which has one kind of value a
//! profile, and its tables in a dictionary. In each of these the first entry means "none".
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/v1.10.0/opentelemetry/proto/profiles/v1development/profiles.proto>

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::profiles::v1development as otlp;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::profile::Profile;
use crate::sample::StackId;
use crate::string_table::StringId;

/// The path at which a collector takes what [`encode`] gives, below the address of its HTTP receiver.
pub const PATH: &str = "/v1development/profiles";

/// The content type of that.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// The attribute of a mapping that has its GNU build id.
const BUILD_ID: &str = "process.executable.build_id.gnu";

/// The value of an attribute of the resource that a profile is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// An `ExportProfilesServiceRequest` with a profile for each of `kinds` that this one has, such as
/// `inuse_space`, from the resource with these attributes, `service.name` among them. Labels of samples are
/// left out.
pub fn encode(profile: &Profile, kinds: &[&str], resource: &[(String, Attribute)]) -> Vec<u8> {
    let mut tables = Tables::of(profile);
    let profiles = kinds.iter().filter_map(|kind| tables.profile(profile, kind)).collect();
    let attribute = |(key, value): &(String, Attribute)| {
        let value = match value {
            Attribute::Text(value) => text(value),
            Attribute::Number(value) => Some(AnyValue { value: Some(Value::IntValue(*value)) }),
        };
        KeyValue { key: key.clone(), value, ..KeyValue::default() }
    };
    let attributes = resource.iter().map(attribute).collect();
    let scope = InstrumentationScope {
        name: "highwater".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_profiles =
        otlp::ScopeProfiles { scope: Some(scope), profiles, ..otlp::ScopeProfiles::default() };
    let resource_profiles = otlp::ResourceProfiles {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_profiles: vec![scope_profiles],
        ..otlp::ResourceProfiles::default()
    };
    let request = ExportProfilesServiceRequest {
        resource_profiles: vec![resource_profiles],
        dictionary: Some(tables.dictionary),
    };
    request.encode_to_vec()
}

fn text(value: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) })
}

/// A position in a table. A profile that fits memory has fewer entries than this type has numbers.
fn at(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn string(id: StringId) -> i32 {
    at(id.index())
}

/// The dictionary, and where things are in it.
struct Tables {
    dictionary: otlp::ProfilesDictionary,
    stacks: HashMap<StackId, i32>,
}

impl Tables {
    fn of(profile: &Profile) -> Self {
        let mut dictionary = otlp::ProfilesDictionary {
            // The profile's first string is the empty one, too.
            string_table: profile.strings.iter().map(str::to_owned).collect(),
            mapping_table: vec![otlp::Mapping::default()],
            location_table: vec![otlp::Location::default()],
            function_table: vec![otlp::Function::default()],
            link_table: vec![otlp::Link::default()],
            attribute_table: vec![otlp::KeyValueAndUnit::default()],
            stack_table: vec![otlp::Stack::default()],
        };
        let build_id_key = at(dictionary.string_table.len());
        dictionary.string_table.push(BUILD_ID.to_owned());
        for it in profile.mappings() {
            let mut attribute_indices = Vec::new();
            if it.build_id != StringId::EMPTY {
                attribute_indices.push(at(dictionary.attribute_table.len()));
                let value = text(profile.string(it.build_id));
                let attribute = otlp::KeyValueAndUnit { key_strindex: build_id_key, value, unit_strindex: 0 };
                dictionary.attribute_table.push(attribute);
            }
            dictionary.mapping_table.push(otlp::Mapping {
                memory_start: it.start,
                memory_limit: it.limit,
                file_offset: it.file_offset,
                filename_strindex: string(it.file),
                attribute_indices,
            });
        }
        dictionary.function_table.extend(profile.functions().iter().map(|it| otlp::Function {
            name_strindex: string(it.name),
            system_name_strindex: string(it.system_name),
            filename_strindex: string(it.file),
            start_line: it.start_line,
        }));
        dictionary.location_table.extend(profile.locations().iter().map(|it| {
            let line = |it: &crate::location::Line| otlp::Line {
                function_index: at(it.function.index() + 1),
                line: it.line,
                column: it.column.into(),
            };
            otlp::Location {
                mapping_index: it.mapping.map_or(0, |id| at(id.index() + 1)),
                address: it.address,
                lines: it.lines.iter().map(line).collect(),
                attribute_indices: Vec::new(),
            }
        }));
        Self { dictionary, stacks: HashMap::new() }
    }

    fn intern(&mut self, profile: &Profile, text: &str) -> i32 {
        if let Some(id) = profile.strings.find(text) {
            return string(id);
        }
        self.dictionary.string_table.push(text.to_owned());
        at(self.dictionary.string_table.len() - 1)
    }

    /// The column `kind`, without samples that it has no value for.
    fn profile(&mut self, profile: &Profile, kind: &str) -> Option<otlp::Profile> {
        let column = profile.sample_type(kind)?;
        let mut value_type = |it: &crate::profile::ValueType| otlp::ValueType {
            type_strindex: self.intern(profile, &it.kind),
            unit_strindex: self.intern(profile, &it.unit),
        };
        let sample_type = Some(value_type(&profile.sample_types()[column]));
        let period_type = profile.period_type.as_ref().map(value_type);
        let mut samples = Vec::new();
        for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
            let table = &mut self.dictionary.stack_table;
            let stack_index = *self.stacks.entry(sample.stack_id).or_insert_with(|| {
                let location_indices = sample.stack.iter().map(|id| at(id.index() + 1)).collect();
                table.push(otlp::Stack { location_indices });
                at(table.len() - 1)
            });
            let values = vec![sample.values[column]];
            samples.push(otlp::Sample { stack_index, values, ..otlp::Sample::default() });
        }
        let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
        Some(otlp::Profile {
            sample_type,
            samples,
            time_unix_nano: unsigned(profile.time_ns),
            duration_nano: unsigned(profile.duration_ns),
            period_type,
            period: profile.period,
            ..otlp::Profile::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, Location, Mapping, ValueType};

    fn profile() -> Profile {
        let kinds = [("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
        let mut profile = Profile::new(kinds.map(|(kind, unit)| ValueType::new(kind, unit)).into());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 4096;
        profile.time_ns = 1_700_000_000_000_000_000;
        let (file, build_id) = (profile.strings.intern("/bin/service"), profile.strings.intern("abcd"));
        let mapping = profile.add_mapping(Mapping {
            start: 0x1000,
            limit: 0x2000,
            file,
            build_id,
            ..Mapping::default()
        });
        let function = profile.add_function("leak", "_leak", "leak.rs");
        let mut inner = Location::at(Some(mapping), 0x1100);
        inner.lines.push(Line::new(function, 7));
        let inner = profile.add_location(inner);
        let outer = profile.add_location(Location::at(None, 0x9900));
        profile.samples.push(&[inner, outer], &[500, 1, 100], &[]);
        profile.samples.push(&[outer], &[300, 0, 0], &[]);
        profile.samples.push(&[outer], &[30, 2, 30], &[]);
        profile
    }

    fn decoded(kinds: &[&str]) -> (Vec<otlp::Profile>, otlp::ProfilesDictionary) {
        let resource = [
            ("service.name".to_owned(), Attribute::Text("my-service".to_owned())),
            ("process.pid".to_owned(), Attribute::Number(4711)),
        ];
        let bytes = encode(&profile(), kinds, &resource);
        let request = ExportProfilesServiceRequest::decode(bytes.as_slice()).unwrap();
        let [resource] = request.resource_profiles.as_slice() else { panic!("one resource") };
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert_eq!((attributes[0].key.as_str(), &attributes[0].value), ("service.name", &text("my-service")));
        let number = Some(AnyValue { value: Some(Value::IntValue(4711)) });
        assert_eq!((attributes[1].key.as_str(), &attributes[1].value), ("process.pid", &number));
        (resource.scope_profiles[0].profiles.clone(), request.dictionary.unwrap())
    }

    #[test]
    fn stacks_and_names_are_found_through_the_dictionary() {
        let (profiles, tables) = decoded(&["inuse_space", "no_such_kind"]);
        let [profile] = profiles.as_slice() else { panic!("{profiles:?}") };
        let name = |index: i32| tables.string_table[index as usize].as_str();
        let kind = profile.sample_type.unwrap();
        assert_eq!((name(kind.type_strindex), name(kind.unit_strindex)), ("inuse_space", "bytes"));
        let period = profile.period_type.unwrap();
        assert_eq!(
            (name(period.type_strindex), name(period.unit_strindex), profile.period),
            ("space", "bytes", 4096)
        );
        assert_eq!(profile.time_unix_nano, 1_700_000_000_000_000_000);
        let values: Vec<_> = profile.samples.iter().map(|it| it.values.as_slice()).collect();
        assert_eq!(values, [[100], [30]]);
        let stack = &tables.stack_table[profile.samples[0].stack_index as usize];
        let locations: Vec<_> =
            stack.location_indices.iter().map(|&it| &tables.location_table[it as usize]).collect();
        assert_eq!(locations.iter().map(|it| it.address).collect::<Vec<_>>(), [0x1100, 0x9900]);
        let line = locations[0].lines[0];
        let function = tables.function_table[line.function_index as usize];
        assert_eq!(
            (name(function.name_strindex), name(function.filename_strindex), line.line),
            ("leak", "leak.rs", 7)
        );
        let mapping = &tables.mapping_table[locations[0].mapping_index as usize];
        assert_eq!((name(mapping.filename_strindex), mapping.memory_start), ("/bin/service", 0x1000));
        let build_id = &tables.attribute_table[mapping.attribute_indices[0] as usize];
        assert_eq!((name(build_id.key_strindex), &build_id.value), (BUILD_ID, &text("abcd")));
        assert_eq!(locations[1].mapping_index, 0, "the entry that means none");
    }

    #[test]
    fn the_first_entry_of_each_table_means_none() {
        let (profiles, tables) = decoded(&["inuse_space", "inuse_objects"]);
        assert_eq!(profiles.len(), 2);
        assert_eq!(tables.string_table[0], "");
        assert_eq!(tables.mapping_table[0], otlp::Mapping::default());
        assert_eq!(tables.location_table[0], otlp::Location::default());
        assert_eq!(tables.function_table[0], otlp::Function::default());
        assert_eq!(tables.link_table, [otlp::Link::default()]);
        assert_eq!(tables.attribute_table[0], otlp::KeyValueAndUnit::default());
        // Both profiles share the two stacks.
        assert_eq!(tables.stack_table.len(), 3);
    }
}
