//! A program's records against its own counts.
//!
//! A program prints a line `site NAME alloc_blocks alloc_bytes live_blocks live_bytes` for each of its call
//! sites, from its own counts; `NAME` is the name of the function. All other output is for people.

use std::path::Path;

use highwater_profile::{Limits, Profile, file};

use crate::Failure;

/// Sample types in the order of the programs' columns.
const COLUMNS: [&str; 4] = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];

/// The requirements for a profile, besides being readable and having a stack for every sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// All sites equal the program's counts, and no block is outside of a site.
    Exact,
    /// All sites equal the program's counts. Other threads ran while the snapshot was taken.
    ExactSites,
    /// No requirement: the values are estimates.
    Sampled,
}

/// Compares a profile with its program's output. `symbolize` adds names to the profile.
///
/// # Errors
/// [`Failure::Wrong`] with the first difference.
pub fn compare(
    path: &Path,
    said: &str,
    demand: Demand,
    symbolize: impl FnOnce(&mut Profile),
) -> Result<Profile, Failure> {
    let mut profile =
        file::read(path, &Limits::default()).map_err(|it| Failure::Wrong(format!("no profile: {it}")))?;
    symbolize(&mut profile);
    check(&profile, said, demand).map_err(|it| Failure::Wrong(format!("{it}\nThe program said:\n{said}")))?;
    Ok(profile)
}

fn check(profile: &Profile, said: &str, demand: Demand) -> Result<(), String> {
    if profile.samples.is_empty() {
        return Err("the profile is empty".to_owned());
    }
    if profile.samples.iter().any(|sample| sample.stack.is_empty()) {
        return Err("a sample has no stack".to_owned());
    }
    if demand == Demand::Sampled {
        return Ok(());
    }
    for line in said.lines().filter_map(|line| line.strip_prefix("site ")) {
        let (name, truth) = site(line).ok_or_else(|| format!("not a site: {line:?}"))?;
        let recorded = values(profile, name)?;
        if recorded != truth {
            return Err(format!("{name}: {recorded:?} recorded, {truth:?} is true"));
        }
    }
    if demand == Demand::Exact {
        let totals = profile.meta.ok_or("the profile has no totals")?;
        let sum = |kind| profile.sample_type(kind).map(|column| profile.samples.total(column));
        let recorded = [sum("alloc_objects"), sum("alloc_space"), sum("inuse_space")];
        let live = totals.alloc_bytes.zip(totals.freed_bytes).map(|(all, freed)| all - freed);
        let truth = [totals.alloc_blocks, totals.alloc_bytes, live];
        if recorded != truth || totals.dropped_samples != Some(0) {
            return Err(format!("sites add up to {recorded:?}, the process's totals are {truth:?}"));
        }
    }
    Ok(())
}

fn site(line: &str) -> Option<(&str, [i64; 4])> {
    let (name, numbers) = line.split_once(' ')?;
    let numbers: Vec<i64> = numbers.split(' ').map_while(|it| it.parse().ok()).collect();
    Some((name, numbers.try_into().ok()?))
}

/// The values of the site `name`, in the order of [`COLUMNS`]. A sample belongs to the function nearest to
/// its leaf whose name begins with `site_`.
///
/// # Errors
/// When the profile lacks a sample type.
pub fn values(profile: &Profile, name: &str) -> Result<[i64; 4], String> {
    let mut sums = [0; 4];
    for (sum, kind) in sums.iter_mut().zip(COLUMNS) {
        let column = profile.sample_type(kind).ok_or_else(|| format!("no {kind} in the profile"))?;
        let samples = profile.samples.iter().filter(|sample| {
            let mut names = functions(profile, sample.stack).filter_map(|it| it.rsplit("::").next());
            names.find(|it| it.starts_with("site_")) == Some(name)
        });
        *sum = samples.map(|sample| sample.values[column]).sum();
    }
    Ok(sums)
}

/// The functions of a stack, leaf first.
pub fn functions<'a>(
    profile: &'a Profile,
    stack: &'a [highwater_profile::LocationId],
) -> impl Iterator<Item = &'a str> {
    let lines = stack.iter().flat_map(|&id| &profile.location(id).lines);
    lines.map(|line| profile.string(profile.function(line.function).name))
}
