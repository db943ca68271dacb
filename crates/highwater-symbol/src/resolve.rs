//! The main functions: from the locations of a profile to their lines, and from names of types to their
//! layouts.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use highwater_profile::{MappingId, Profile};

use crate::binary::{Binary, normal_id};
use crate::build;
use crate::engine;
use crate::error::SymbolError;
use crate::find::{Finder, Wanted};
use crate::layout::scan;
use crate::layout::shape::{HasTypes, LayoutFile, Layouts};
use crate::options::Options;
use crate::options::Progress;
use crate::summary::{MappingOutcome, Missing, Summary, UnusedBinary};

/// Adds functions, files and lines to the locations of `profile` that have none, inlined calls innermost
/// first.
///
/// Locations with lines keep them. Function names are demangled and have no hashes. If a mapping's file is
/// missing or of another build, the [`Summary`] says so, and the mapping's locations stay unchanged, unless
/// [`Options::cache`] has them from an earlier run.
///
/// # Errors
/// When one of [`Options::binaries`] cannot be read as a binary.
pub fn symbolize(profile: &mut Profile, options: &Options) -> Result<Summary, SymbolError> {
    symbolize_with(profile, options, &|_| {})
}

/// Like [`symbolize`], with reports of its progress. `progress` is called from several threads.
///
/// # Errors
/// The errors of [`symbolize`].
pub fn symbolize_with(
    profile: &mut Profile,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Summary, SymbolError> {
    let mut finder = Finder::new(options)?;
    finder.assign(profile);
    let cache = options.cache.as_ref();
    let (mut builds, unmapped_locations) = build::of_profile(profile, &finder);
    let mut asked = Vec::new();
    let mut jobs = Vec::new();
    for (index, build) in builds.iter_mut().enumerate() {
        if let Some(question) = build.ask(profile, cache, &finder) {
            asked.push((index, question.places));
            jobs.push(question.job);
        }
    }
    let threads = options.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let found = engine::run(&jobs, threads, options.max_debug_bytes, progress);
    for ((index, places), found) in asked.into_iter().zip(found) {
        builds[index].learn(&places, found, cache);
    }

    let unused_binaries = unused_binaries(&finder, profile);
    let cached_locations = builds.iter().map(build::Build::cached).sum();
    let mut outcomes: Vec<(MappingId, MappingOutcome)> = Vec::new();
    for build in builds {
        outcomes.extend(build.apply(profile));
    }
    outcomes.sort_by_key(|it| it.0);
    let mappings = outcomes.into_iter().map(|it| it.1).collect();
    Ok(Summary { mappings, unmapped_locations, cached_locations, unused_binaries })
}

/// Finds the layouts of the types whose paths `wanted` accepts, in the files of the profile's mappings. If
/// `from` is given, that file alone is read, which need not be of the same build.
///
/// # Errors
/// When `from` or one of [`Options::binaries`] cannot be read as a binary.
pub fn layouts(
    profile: &Profile,
    from: Option<&Path>,
    wanted: &dyn Fn(&str) -> bool,
    options: &Options,
) -> Result<Layouts, SymbolError> {
    let mut finder = Finder::new(options)?;
    finder.assign(profile);
    let mut answer = Layouts::default();
    let mut found = HashMap::new();
    let mut look = |file: String, binary: Result<Binary, Missing>| {
        let has = match binary {
            Err(missing) => HasTypes::Missing(missing),
            Ok(binary) => match finder.debug_files(&binary) {
                None => HasTypes::NoDebugInfo,
                Some(files) => scan::in_files(&files, wanted, options.max_debug_bytes, &mut found),
            },
        };
        answer.files.push(LayoutFile { file, has });
    };
    if let Some(path) = from {
        let binary =
            Binary::open(path).map_err(|reason| SymbolError::Binary { path: path.to_owned(), reason })?;
        look(path.display().to_string(), Ok(binary));
    } else {
        for mapping in profile.mappings() {
            let build_id = normal_id(profile.string(mapping.build_id));
            let wanted = Wanted::new(profile, mapping, &build_id);
            if !wanted.is_pseudo() {
                look(profile.string(mapping.file).to_owned(), finder.binary(wanted));
            }
        }
    }
    answer.types = found.into_values().collect();
    answer.types.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(answer)
}

/// The given binaries that no mapping uses.
fn unused_binaries(finder: &Finder<'_>, profile: &Profile) -> Vec<UnusedBinary> {
    let stranger = |it: &Binary| UnusedBinary { path: it.path.clone(), build_id: it.build_id.clone() };
    finder.unused_binaries(profile).map(stranger).collect()
}
