//! Calls in words: where something was started, and where it is.

use std::collections::BTreeSet;
use std::env;

use highwater_names::qualified;

use crate::finding::{Frame, Origin};

/// How many of the project's own calls are shown of a path.
const MOST_CALLS: usize = 4;
/// Calls, innermost first: the project's own, and the innermost one of each other crate.
pub(crate) fn path(frames: &[Frame]) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut crates = BTreeSet::new();
    let mut own = 0;
    for frame in frames {
        if frame.origin == Origin::Dependency {
            if crates.insert(qualified::crate_of(&frame.function, frame.file.as_deref())) {
                shown.push(call(frame));
            }
            continue;
        }
        own += 1;
        if own <= MOST_CALLS {
            shown.push(call(frame));
        } else if own == MOST_CALLS + 1 {
            shown.push("…".to_owned());
        }
    }
    shown.join(" < ")
}

/// Where a call is, for those who can change it; its function alone for others.
fn call(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) if frame.origin == Origin::Own => {
            format!("{}:{line} {}", relative(file), frame.function)
        }
        _ => frame.function.clone(),
    }
}

/// A file as seen from the directory the tests run in.
fn relative(file: &str) -> String {
    let here = env::current_dir().unwrap_or_default();
    std::path::Path::new(file)
        .strip_prefix(here)
        .map_or_else(|_| file.to_owned(), |it| it.display().to_string())
}
