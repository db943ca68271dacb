//! One build of one binary, as a profile uses it: its mappings, the requested places, and the known results.

use std::collections::{BTreeMap, HashMap};

use highwater_profile::{Line, Location, LocationId, Mapping, MappingId, Profile};

use crate::binary::{Binary, is_certain, normal_id};
use crate::cache::Cache;
use crate::cache::record::Record;
use crate::demangle::demangle;
use crate::dwarf::Frame;
use crate::engine::{Found, Job};
use crate::find::{Finder, Wanted};
use crate::summary::{MappingOutcome, Missing};

/// A binary for which the profile has unnamed addresses.
pub(crate) struct Build {
    file: String,
    build_id: String,
    pieces: Vec<Piece>,
    record: Record,
    /// Number of places whose frames came from the cache.
    cached: usize,
    missing: Option<Missing>,
    unusable: Option<String>,
    /// Whether only the file determines the places of the mapping's addresses. Then places of other mappings
    /// are not comparable.
    is_uncertain: bool,
    has_debug_info: bool,
    split_is_missing: bool,
}

/// One mapping of the binary.
struct Piece {
    id: MappingId,
    mapping: Mapping,
    locations: Vec<LocationId>,
}

/// The engine's input for a build.
pub(crate) struct Question {
    pub(crate) job: Job,
    /// The places in the file of the job's addresses, as [`highwater_profile::Place::key`].
    pub(crate) places: Vec<u64>,
}

/// The builds that have addresses without lines, and the number of addresses without a build.
///
/// Mappings without a file have no build, unless a candidate was given for them.
pub(crate) fn of_profile(profile: &Profile, finder: &Finder<'_>) -> (Vec<Build>, usize) {
    let has_file = |mapping: &Mapping| {
        let build_id = normal_id(profile.string(mapping.build_id));
        let wanted = Wanted::new(profile, mapping, &build_id);
        !wanted.is_pseudo() || finder.has_candidate(wanted)
    };
    let mut needed: BTreeMap<MappingId, Vec<LocationId>> = BTreeMap::new();
    let mut unmapped = 0;
    for (id, location) in profile.location_ids().zip(profile.locations()) {
        let Location { address, mapping, lines, .. } = location;
        if !lines.is_empty() || *address == 0 {
            continue;
        }
        match *mapping {
            Some(mapping) if has_file(profile.mapping(mapping)) => {
                needed.entry(mapping).or_default().push(id);
            }
            _ => unmapped += 1,
        }
    }
    let mut builds: Vec<Build> = Vec::new();
    let mut known: HashMap<(String, String, Option<MappingId>), usize> = HashMap::new();
    for (id, locations) in needed {
        let mapping = profile.mapping(id);
        let build_id = normal_id(profile.string(mapping.build_id));
        let file = profile.string(mapping.file).to_owned();
        // A build id identifies the file; without one, the path has to.
        let path = if build_id.is_empty() { file.clone() } else { String::new() };
        let alone = (!is_certain(mapping)).then_some(id);
        let index = *known.entry((build_id.clone(), path, alone)).or_insert(builds.len());
        if index == builds.len() {
            builds.push(Build::new(file, build_id, alone.is_some()));
        }
        builds[index].pieces.push(Piece { id, mapping: mapping.clone(), locations });
    }
    (builds, unmapped)
}

impl Build {
    fn new(file: String, build_id: String, is_uncertain: bool) -> Self {
        Self {
            file,
            build_id,
            pieces: Vec::new(),
            record: Record::default(),
            cached: 0,
            missing: None,
            unusable: None,
            is_uncertain,
            has_debug_info: false,
            split_is_missing: false,
        }
    }

    /// Looks in the cache and for the files, and returns the rest of the work.
    pub(crate) fn ask(
        &mut self,
        profile: &Profile,
        cache: Option<&Cache>,
        finder: &Finder<'_>,
    ) -> Option<Question> {
        let cache = cache.filter(|_| !self.is_uncertain);
        self.record = cache.map(|it| it.load(&self.build_id)).unwrap_or_default();
        let mut unknown = self.unknown(profile);
        if self.record.complete && unknown.is_empty() {
            return self.answered(profile);
        }
        let wanted = Wanted { file: &self.file, build_id: &self.build_id, profile_time_ns: profile.time_ns };
        let binary = match finder.binary(wanted) {
            Ok(binary) => binary,
            Err(missing) => {
                // Cached results of this build stay valid, whether or not its file exists.
                self.missing = (!unknown.is_empty()).then_some(missing);
                return self.answered(profile);
            }
        };
        let debug_files = finder.debug_files(&binary);
        let has_debug_info = debug_files.is_some();
        if !self.record.complete && has_debug_info {
            // The cached results lack the debug information that is available now.
            self.record.frames.clear();
            unknown = self.unknown(profile);
        }
        let (addresses, places): (Vec<u64>, Vec<u64>) = addresses(&unknown, &binary).into_iter().unzip();
        self.has_debug_info = has_debug_info;
        self.cached = self.known(profile);
        let job = Job { binary: binary.path, debug_files, addresses };
        (!places.is_empty()).then_some(Question { job, places })
    }

    fn answered(&mut self, profile: &Profile) -> Option<Question> {
        self.cached = self.known(profile);
        None
    }

    /// Takes the engine's results, and stores them for the next run.
    pub(crate) fn learn(&mut self, places: &[u64], found: Found, cache: Option<&Cache>) {
        let was_empty = self.record.frames.is_empty();
        // Results from debug information are not mixed with results from symbol tables.
        let keeps = was_empty || self.record.complete == found.complete;
        self.record.complete = found.complete;
        self.unusable = found.unusable;
        self.split_is_missing = found.split_is_missing;
        for (&place, frames) in places.iter().zip(found.frames) {
            self.record.frames.insert(place, frames);
        }
        if let Some(cache) = cache.filter(|_| keeps && !self.is_uncertain) {
            cache.store(&self.build_id, &self.record);
        }
    }

    /// Writes the results into the profile, and returns the outcome for each mapping.
    pub(crate) fn apply(self, profile: &mut Profile) -> Vec<(MappingId, MappingOutcome)> {
        let mut outcomes = Vec::new();
        for piece in &self.pieces {
            let mut outcome = MappingOutcome {
                file: profile.string(profile.mapping(piece.id).file).to_owned(),
                build_id: self.build_id.clone(),
                locations: piece.locations.len(),
                resolved: 0,
                with_lines: 0,
                missing: self.missing.clone(),
                unusable: self.unusable.clone(),
                has_debug_info: self.has_debug_info || self.record.complete,
                split_is_missing: self.split_is_missing,
            };
            piece.apply(profile, &self.record, &mut outcome);
            outcomes.push((piece.id, outcome));
        }
        outcomes
    }

    /// Number of places whose names came from the cache.
    pub(crate) fn cached(&self) -> usize {
        self.cached
    }

    /// Mapping, address and place of every location. The place is a [`highwater_profile::Place::key`].
    fn places<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = (&'a Mapping, u64, u64)> {
        self.pieces.iter().flat_map(move |piece| {
            piece.locations.iter().filter_map(move |&id| {
                let address = profile.location(id).address;
                Some((&piece.mapping, address, piece.place(address)?))
            })
        })
    }

    fn known(&self, profile: &Profile) -> usize {
        self.places(profile).filter(|it| self.record.frames.contains_key(&it.2)).count()
    }

    /// The places that are not in the record.
    fn unknown<'a>(&'a self, profile: &'a Profile) -> BTreeMap<u64, (&'a Mapping, u64)> {
        let places = self.places(profile).filter(|it| !self.record.frames.contains_key(&it.2));
        places.map(|(mapping, address, place)| (place, (mapping, address))).collect()
    }
}

/// The places' addresses in the binary's own tables, sorted, each with its place.
fn addresses(places: &BTreeMap<u64, (&Mapping, u64)>, binary: &Binary) -> Vec<(u64, u64)> {
    let address = |(&place, &(mapping, address)): (&u64, &(&Mapping, u64))| {
        Some((binary.virtual_address(mapping, address)?, place))
    };
    let mut addresses: Vec<(u64, u64)> = places.iter().filter_map(address).collect();
    addresses.sort_unstable();
    addresses
}

impl Piece {
    fn place(&self, address: u64) -> Option<u64> {
        self.mapping.contains(address).then(|| self.mapping.place(address).key())
    }

    fn apply(&self, profile: &mut Profile, record: &Record, outcome: &mut MappingOutcome) {
        let (mut files, mut inlined) = (false, false);
        for &id in &self.locations {
            let place = self.place(profile.location(id).address);
            let Some(frames) = place.and_then(|it| record.frames.get(&it)).filter(|it| !it.is_empty()) else {
                continue;
            };
            outcome.resolved += usize::from(frames.iter().any(|it| it.name.is_some()));
            outcome.with_lines += usize::from(frames.iter().any(|it| it.line.is_some()));
            files |= frames.iter().any(|it| it.file.is_some());
            inlined |= frames.len() > 1;
            let lines = frames.iter().map(|frame| line(profile, frame)).collect();
            profile.location_mut(id).lines = lines;
        }
        let mapping = profile.mapping_mut(self.id);
        mapping.has_functions |= outcome.resolved > 0;
        mapping.has_filenames |= files;
        mapping.has_line_numbers |= outcome.with_lines > 0;
        mapping.has_inline_frames |= inlined;
    }
}

fn line(profile: &mut Profile, frame: &Frame) -> Line {
    let linker_name = frame.name.as_deref().unwrap_or("");
    let name = frame.shown.clone().unwrap_or_else(|| demangle(linker_name));
    let function = profile.add_function(&name, linker_name, frame.file.as_deref().unwrap_or(""));
    Line::new(function, frame.line.map_or(0, i64::from))
}
