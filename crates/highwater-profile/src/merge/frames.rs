//! Which locations, functions and mappings of several profiles are the same.

use std::collections::{BTreeSet, HashMap};

use super::strings::Strings;
use crate::location::{Function, FunctionId, Line, Location, LocationId, Mapping};
use crate::location::{MappingId, Place};
use crate::profile::Profile;
use crate::string_table::StringId;

/// What makes a location of the merged profile distinct. Texts are handles of that profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    /// Build id and place in the file.
    Place(StringId, Place),
    /// Name, file, line and column of each source position.
    Source(Vec<(StringId, StringId, i64, u32)>),
    /// In one of the profiles.
    Own(usize, LocationId),
}

/// What makes a mapping distinct: the build id with the part of the file that is mapped; without one, where
/// it was in its own profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    OfBuild { build_id: StringId, start: Place, bytes: u64 },
    Own(usize, MappingId),
}

/// The locations of the merged profile, and what they come from.
pub(super) struct Frames {
    /// Names of files that have more than one build.
    rebuilt: BTreeSet<String>,
    locations: HashMap<Identity, LocationId>,
    mappings: HashMap<Part, MappingId>,
    functions: HashMap<(StringId, StringId, StringId), FunctionId>,
}

impl Frames {
    pub fn new(profiles: &[Profile]) -> Self {
        Self {
            rebuilt: files_of_several_builds(profiles),
            locations: HashMap::new(),
            mappings: HashMap::new(),
            functions: HashMap::new(),
        }
    }

    /// Adds the locations of the profile at position `at`, and returns what each is in the merged one.
    pub fn add(
        &mut self,
        at: usize,
        profile: &Profile,
        strings: &mut Strings<'_>,
        merged: &mut Profile,
    ) -> Vec<LocationId> {
        let mappings: Vec<MappingId> =
            profile.mapping_ids().map(|id| self.mapping(at, id, profile, strings, merged)).collect();
        let ids = profile.location_ids();
        ids.map(|id| self.location(at, id, profile, &mappings, strings, merged)).collect()
    }

    fn mapping(
        &mut self,
        at: usize,
        id: MappingId,
        profile: &Profile,
        strings: &mut Strings<'_>,
        merged: &mut Profile,
    ) -> MappingId {
        let mapping = profile.mapping(id);
        let build_id = strings.get(merged, mapping.build_id);
        let part = if build_id == StringId::EMPTY {
            Part::Own(at, id)
        } else {
            let bytes = mapping.limit.wrapping_sub(mapping.start);
            Part::OfBuild { build_id, start: mapping.place(mapping.start), bytes }
        };
        if let Some(&known) = self.mappings.get(&part) {
            let known_mapping = merged.mapping_mut(known);
            known_mapping.has_functions |= mapping.has_functions;
            known_mapping.has_filenames |= mapping.has_filenames;
            known_mapping.has_line_numbers |= mapping.has_line_numbers;
            known_mapping.has_inline_frames |= mapping.has_inline_frames;
            return known;
        }
        let file = strings.get(merged, mapping.file);
        let new = merged.add_mapping(Mapping { file, build_id, ..mapping.clone() });
        self.mappings.insert(part, new);
        new
    }

    fn location(
        &mut self,
        at: usize,
        id: LocationId,
        profile: &Profile,
        mappings: &[MappingId],
        strings: &mut Strings<'_>,
        merged: &mut Profile,
    ) -> LocationId {
        let location = profile.location(id);
        let lines: Vec<Line> = (location.lines.iter())
            .map(|line| Line {
                function: self.function(profile.function(line.function), strings, merged),
                ..*line
            })
            .collect();
        let mapping = location.mapping.map(|id| (profile.mapping(id), mappings[id.index()]));
        let by_source = location.address == 0
            || mapping.is_none_or(|(it, _)| self.rebuilt.contains(file_name(profile, it)));
        let place = mapping.and_then(|(mapping, id)| {
            let build_id = merged.mapping(id).build_id;
            let place = mapping.place(location.address);
            (build_id != StringId::EMPTY && location.address != 0).then_some((build_id, place))
        });
        let identity = match place {
            _ if by_source && !lines.is_empty() => Identity::Source(source(&lines, merged)),
            Some((build_id, place)) => Identity::Place(build_id, place),
            None if !lines.is_empty() => Identity::Source(source(&lines, merged)),
            None => Identity::Own(at, id),
        };
        if let Some(&known) = self.locations.get(&identity) {
            // One of the profiles may have its names already, and another not.
            if merged.location(known).lines.is_empty() {
                merged.location_mut(known).lines = lines;
            }
            return known;
        }
        let mapping = mapping.map(|it| it.1);
        let address = match (&identity, mapping) {
            // Files of several builds, whose addresses all differ.
            (Identity::Source(_), _) => 0,
            // As if the file lay where it did in the first process.
            (Identity::Place(_, place), Some(id)) => merged.mapping(id).address_of(*place),
            _ => location.address,
        };
        let new = merged.add_location(Location { mapping, address, lines, is_folded: location.is_folded });
        self.locations.insert(identity, new);
        new
    }

    fn function(&mut self, it: &Function, strings: &mut Strings<'_>, merged: &mut Profile) -> FunctionId {
        let [name, system_name, file] = [it.name, it.system_name, it.file].map(|id| strings.get(merged, id));
        *self
            .functions
            .entry((name, system_name, file))
            .or_insert_with(|| merged.push_function(Function { name, system_name, file, ..*it }))
    }
}

/// Names, without their directories, of the programs and libraries that these profiles have several builds
/// of. Their frames need names to be merged.
pub fn files_of_several_builds(profiles: &[Profile]) -> BTreeSet<String> {
    let mut builds: HashMap<&str, &str> = HashMap::new();
    let mut rebuilt = BTreeSet::new();
    for profile in profiles {
        for mapping in profile.mappings() {
            let (name, build_id) = (file_name(profile, mapping), profile.string(mapping.build_id));
            if *builds.entry(name).or_insert(build_id) != build_id {
                rebuilt.insert(name.to_owned());
            }
        }
    }
    rebuilt
}

/// Name, file, line and column of each position. The linker's name, which may differ between builds, counts
/// only without another.
fn source(lines: &[Line], merged: &Profile) -> Vec<(StringId, StringId, i64, u32)> {
    let position = |line: &Line| {
        let function = merged.function(line.function);
        let name = if function.name == StringId::EMPTY { function.system_name } else { function.name };
        (name, function.file, line.line, line.column)
    };
    lines.iter().map(position).collect()
}

/// The last part of the path of a mapping's file.
fn file_name<'a>(profile: &'a Profile, mapping: &Mapping) -> &'a str {
    let path = profile.string(mapping.file);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
