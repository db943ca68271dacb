//! The names of functions and lines that are missing in an answer, why, and how to supply them.

use highwater_names::library::is_system_library;
use highwater_symbol::{MappingOutcome, Summary};

use crate::error::build;

/// One sentence for each file with missing names. Stripped system libraries are usual and are not mentioned.
pub(crate) fn missing(summary: &Summary) -> Vec<String> {
    let mut files: Vec<MappingOutcome> = Vec::new();
    for outcome in &summary.mappings {
        let same = |it: &&mut MappingOutcome| it.file == outcome.file && it.build_id == outcome.build_id;
        match files.iter_mut().find(same) {
            Some(file) => add(file, outcome),
            None => files.push(outcome.clone()),
        }
    }
    files.iter().filter_map(of_file).collect()
}

/// A file may be mapped in several pieces.
fn add(file: &mut MappingOutcome, other: &MappingOutcome) {
    file.locations += other.locations;
    file.resolved += other.resolved;
    file.with_lines += other.with_lines;
    file.has_debug_info |= other.has_debug_info;
    file.split_is_missing |= other.split_is_missing;
    file.missing = file.missing.take().or_else(|| other.missing.clone());
    file.unusable = file.unusable.take().or_else(|| other.unusable.clone());
}

/// A sentence for readers who expect more names from this file.
pub(crate) fn of_file(outcome: &MappingOutcome) -> Option<String> {
    let MappingOutcome { locations, resolved, with_lines, .. } = outcome;
    let file = if outcome.file.is_empty() { "the program" } else { &outcome.file };
    let build = build(&outcome.build_id);
    let left = locations - resolved;
    let noun = if left == 1 { "address stays an address" } else { "addresses stay addresses" };
    if let Some(reason) = &outcome.missing {
        return Some(format!("{file} ({build}): {reason}; {left} {noun} (--binary, --debug-dir)"));
    }
    if let Some(reason) = &outcome.unusable {
        return Some(format!("{file}: no lines, because {reason}"));
    }
    if outcome.split_is_missing {
        return Some(format!(
            "{file} ({build}): its split debug information was not found, so lines and inlined functions are missing; put the .dwp file beside it, or name the directory of its .dwp or .dwo files with --debug-dir"
        ));
    }
    // No other source has more than the debug information, and system libraries are usually stripped.
    if outcome.has_debug_info || is_system_library(&outcome.file) {
        return None;
    }
    if left > 0 {
        return Some(format!(
            "{file} ({build}): {left} of {locations} addresses have no name, because it is stripped and no debug file of this build was found; they are shown as module and offset (--binary takes an unstripped build or a debug file, --debug-dir a directory of these)"
        ));
    }
    (*with_lines == 0 && *locations > 0).then(|| {
        format!("{file}: no debug information was found, so there are no lines (--debug-dir names more places to look)")
    })
}
