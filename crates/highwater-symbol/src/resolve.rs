//! The work itself: from the locations of a profile to their lines.

use std::collections::{BTreeMap, HashMap};

use highwater_profile::{Line, LocationId, MappingId, Profile};

use crate::binary::Binary;
use crate::demangle::{demangle, is_rust};
use crate::dwarf::{DebugInfo, Frame};
use crate::find::{Finder, Wanted};
use crate::{MappingOutcome, Options, Summary, SymbolError, symbols};

/// Adds functions, files and lines to the locations of `profile` that have none, inlined calls innermost first.
///
/// Locations that have lines already keep them. Function names are demangled and without hashes. A mapping
/// whose file is missing or of another build is an entry in the [`Summary`], and its locations stay as they are.
///
/// # Errors
/// When one of [`Options::binaries`] cannot be read as a binary.
pub fn symbolize(profile: &mut Profile, options: &Options) -> Result<Summary, SymbolError> {
    let finder = Finder::new(options)?;
    let mut summary = Summary::default();
    let mut needed: BTreeMap<MappingId, Vec<LocationId>> = BTreeMap::new();
    for id in profile.location_ids() {
        let location = profile.location(id);
        if !location.lines.is_empty() || location.address == 0 {
            continue;
        }
        match location.mapping {
            Some(mapping) if !wanted(profile, mapping).is_pseudo() => {
                needed.entry(mapping).or_default().push(id);
            }
            _ => summary.unmapped_locations += 1,
        }
    }
    for (mapping, locations) in needed {
        let wanted = wanted(profile, mapping);
        let mut outcome = MappingOutcome {
            file: wanted.file.to_owned(),
            build_id: wanted.build_id.to_ascii_lowercase(),
            locations: locations.len(),
            resolved: 0,
            with_lines: 0,
            missing: None,
        };
        match finder.binary(wanted) {
            Ok(binary) => {
                let frames = frames(profile, &finder, &binary, &locations);
                apply(profile, mapping, frames, &mut outcome);
            }
            Err(missing) => outcome.missing = Some(missing),
        }
        summary.mappings.push(outcome);
    }
    Ok(summary)
}

fn wanted(profile: &Profile, mapping: MappingId) -> Wanted<'_> {
    let mapping = profile.mapping(mapping);
    Wanted {
        file: profile.string(mapping.file),
        build_id: profile.string(mapping.build_id),
        profile_time_ns: profile.time_ns,
    }
}

/// The frames of each location, in the order of `locations`, which all lie in one mapping of `binary`.
fn frames(
    profile: &Profile,
    finder: &Finder<'_>,
    binary: &Binary,
    locations: &[LocationId],
) -> Vec<(LocationId, Vec<Frame>)> {
    let debug_file = finder.debug_file(binary);
    let debug_info = debug_file
        .as_ref()
        .and_then(|file| DebugInfo::open(&file.path, finder.shared_debug_file(file).as_deref()));
    let mut found: Vec<(LocationId, Option<u64>, Vec<Frame>)> = Vec::with_capacity(locations.len());
    for &id in locations {
        let address = virtual_address(profile, id, binary);
        let frames = match (&debug_info, address) {
            (Some(debug_info), Some(address)) => debug_info.frames(address),
            _ => Vec::new(),
        };
        found.push((id, address, frames));
    }

    // Only the outermost function of an address has a symbol: the inlined ones are no functions any more.
    let unnamed =
        |frames: &[Frame]| !frames.last().and_then(|frame| frame.name.as_deref()).is_some_and(is_rust);
    let addresses: Vec<u64> =
        found.iter().filter(|it| unnamed(&it.2)).filter_map(|&(_, address, _)| address).collect();
    let mut names: HashMap<u64, String> = HashMap::new();
    if !addresses.is_empty() {
        names = symbols::names(&binary.path, &addresses);
        if let Some(file) = debug_file.filter(|file| file.path != binary.path) {
            names.extend(symbols::names(&file.path, &addresses));
        }
    }
    found
        .into_iter()
        .map(|(id, address, mut frames)| {
            if let Some(symbol) = address.and_then(|address| names.get(&address)) {
                name_outermost(&mut frames, symbol);
            }
            (id, frames)
        })
        .collect()
}

/// Gives the outermost frame its name from the symbol table, where debug information has none or only the last
/// part of a Rust path.
fn name_outermost(frames: &mut Vec<Frame>, symbol: &str) {
    match frames.last_mut() {
        None => frames.push(Frame { name: Some(symbol.to_owned()), ..Frame::default() }),
        Some(frame) if frame.name.is_none() || is_rust(symbol) => frame.name = Some(symbol.to_owned()),
        Some(_) => {}
    }
}

/// From the address in the process to the one that the file's own tables use.
fn virtual_address(profile: &Profile, id: LocationId, binary: &Binary) -> Option<u64> {
    let location = profile.location(id);
    let mapping = profile.mapping(location.mapping?);
    if mapping.limit != 0 && location.address >= mapping.limit {
        return None;
    }
    let distance = location.address.checked_sub(mapping.start)?;
    binary.virtual_address(distance.checked_add(mapping.file_offset)?)
}

fn apply(
    profile: &mut Profile,
    mapping: MappingId,
    frames: Vec<(LocationId, Vec<Frame>)>,
    outcome: &mut MappingOutcome,
) {
    let (mut files, mut inlined) = (false, false);
    for (id, frames) in frames {
        if frames.is_empty() {
            continue;
        }
        outcome.resolved += usize::from(frames.iter().any(|it| it.name.is_some()));
        outcome.with_lines += usize::from(frames.iter().any(|it| it.line.is_some()));
        files |= frames.iter().any(|it| it.file.is_some());
        inlined |= frames.len() > 1;
        let lines = frames.into_iter().map(|frame| line(profile, &frame)).collect();
        profile.location_mut(id).lines = lines;
    }
    let mapping = profile.mapping_mut(mapping);
    mapping.has_functions |= outcome.resolved > 0;
    mapping.has_filenames |= files;
    mapping.has_line_numbers |= outcome.with_lines > 0;
    mapping.has_inline_frames |= inlined;
}

fn line(profile: &mut Profile, frame: &Frame) -> Line {
    let linker_name = frame.name.as_deref().unwrap_or("");
    let function =
        profile.add_function(&demangle(linker_name), linker_name, frame.file.as_deref().unwrap_or(""));
    Line { function, line: frame.line.map_or(0, i64::from) }
}
