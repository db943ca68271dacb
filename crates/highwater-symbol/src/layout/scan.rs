//! The search for types in the units of debug information: what each is called, and where it is.

use std::collections::HashMap;

use gimli::{Dwarf, UnitOffset, UnitRef};

use super::entry::Entries;
use super::read::Reader;
use super::shape::{HasTypes, TypeLayout};
use crate::dwarf::{DebugData, DebugFiles};
use crate::sections::Slice;

/// Adds the types in a binary's debug information that are `wanted`, and the types inside of them, to
/// `found`, if the debug information needs at most `max_bytes`.
pub(crate) fn in_files(
    files: &DebugFiles,
    wanted: &dyn Fn(&str) -> bool,
    max_bytes: u64,
    found: &mut HashMap<String, TypeLayout>,
) -> HasTypes {
    let data = match DebugData::load(files, max_bytes) {
        Ok(data) => data,
        Err(reason) => return HasTypes::Unusable(reason),
    };
    let dwarf = data.dwarf();
    all_units(&dwarf, wanted, found)
}

fn all_units(
    dwarf: &Dwarf<Slice<'_>>,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut HashMap<String, TypeLayout>,
) -> HasTypes {
    let (mut has_types, mut is_split) = (false, false);
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        is_split |= unit.dwo_id.is_some();
        let unit = UnitRef::new(dwarf, &unit);
        let names = Names::of(unit, wanted);
        has_types |= names.has_fields;
        let mut reader = Reader { unit, names: &names.all, found };
        for offset in &names.wanted {
            reader.add(*offset, 0);
        }
    }
    match (has_types, is_split) {
        (true, _) => HasTypes::Yes,
        (_, true) => HasTypes::Split,
        _ => HasTypes::NoFields,
    }
}

/// The types of a unit with their paths.
struct Names {
    all: HashMap<UnitOffset, String>,
    wanted: Vec<UnitOffset>,
    has_fields: bool,
}

impl Names {
    fn of(unit: UnitRef<'_, Slice<'_>>, wanted: &dyn Fn(&str) -> bool) -> Self {
        let mut names = Self { all: HashMap::new(), wanted: Vec::new(), has_fields: false };
        // What the entry is inside of: depth, and length of the path up to its end.
        let mut inside: Vec<(isize, usize)> = Vec::new();
        let mut path = String::new();
        let Some(mut entries) = Entries::from(unit, None) else { return names };
        while let Some(entry) = entries.next(is_of_interest) {
            while inside.last().is_some_and(|(depth, _)| *depth >= entry.depth) {
                inside.pop();
            }
            path.truncate(inside.last().map_or(0, |(_, length)| *length));
            if entry.tag == gimli::DW_TAG_member {
                names.has_fields = true;
                continue;
            }
            let Some(name) = &entry.name else { continue };
            // Names of tuples, references and the like are no part of a path.
            if !path.is_empty() {
                path.push_str("::");
            }
            path.push_str(name);
            inside.push((entry.depth, path.len()));
            if entry.tag != gimli::DW_TAG_namespace {
                if entry.size.is_some() && wanted(&path) {
                    names.wanted.push(entry.offset);
                }
                names.all.insert(entry.offset, path.clone());
            }
        }
        names
    }
}

fn is_of_interest(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_member
    )
}
