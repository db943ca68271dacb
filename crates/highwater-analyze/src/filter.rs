//! Which frames the expressions of a query match.

use regex::Regex;

use crate::{Frame, Query};

/// What a query's expressions say of one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Matches {
    pub focus: bool,
    pub ignore: bool,
    /// Removed from its stack by `hide` or `show`.
    pub removed: bool,
    pub through: bool,
}

/// Asks every expression of `query` about `frame`.
pub(crate) fn matches(query: &Query, frame: &Frame) -> Matches {
    let texts = [&frame.function, &frame.file, &frame.module];
    let found = |expression: &Regex| texts.into_iter().flatten().any(|text| expression.is_match(text));
    let any = |expressions: &[Regex]| expressions.iter().any(found);
    let in_crate = |expression: &Regex| frame.crate_name.as_deref().is_some_and(|it| expression.is_match(it));
    Matches {
        focus: query.focus.is_empty() || any(&query.focus),
        ignore: any(&query.ignore),
        removed: any(&query.hide) || !(query.show.is_empty() || any(&query.show)),
        // A module holds the whole program: passing over all of it is never meant.
        through: query.through.iter().any(|it| {
            in_crate(it) || [&frame.function, &frame.file].into_iter().flatten().any(|text| it.is_match(text))
        }),
    }
}
