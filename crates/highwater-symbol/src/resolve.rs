//! The main function: from the locations of a profile to their lines.

use std::num::NonZero;
use std::thread;

use highwater_profile::{MappingId, Profile};

use crate::binary::Binary;
use crate::find::Finder;
use crate::{MappingOutcome, Options, Progress, Summary, SymbolError, UnusedBinary, build, engine};

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

/// The given binaries that no mapping uses.
fn unused_binaries(finder: &Finder<'_>, profile: &Profile) -> Vec<UnusedBinary> {
    let stranger = |it: &Binary| UnusedBinary { path: it.path.clone(), build_id: it.build_id.clone() };
    finder.unused_binaries(profile).map(stranger).collect()
}
