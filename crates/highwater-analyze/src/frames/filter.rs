//! Which frames the expressions of a query match.

use regex::Regex;

use crate::query::Query;

/// What a frame's names are, as far as they are known.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub function: Option<&'a str>,
    pub file: Option<&'a str>,
    pub module: Option<&'a str>,
    pub crate_name: Option<&'a str>,
}

/// What a query's expressions say of one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Matches {
    pub focus: bool,
    pub ignore: bool,
    /// Removed from its stack by `hide` or `show`.
    pub removed: bool,
    pub through: bool,
}

/// What a query without expressions says of every frame.
pub(crate) const UNASKED: Matches = Matches { focus: true, ignore: false, removed: false, through: false };

/// Whether `query` has any expression.
pub(crate) fn asks(query: &Query) -> bool {
    let all = [&query.focus, &query.ignore, &query.hide, &query.show, &query.through];
    all.into_iter().any(|expressions| !expressions.is_empty())
}

/// Asks every expression of `query` about a frame with these names.
pub(crate) fn matches(query: &Query, names: Names<'_>) -> Matches {
    let texts = [names.function, names.file, names.module];
    let found = |expression: &Regex| texts.into_iter().flatten().any(|text| expression.is_match(text));
    let any = |expressions: &[Regex]| expressions.iter().any(found);
    // A module holds the whole program: passing over all of it is never meant.
    let passed = [names.crate_name, names.function, names.file];
    let passes = |expression: &Regex| passed.into_iter().flatten().any(|text| expression.is_match(text));
    Matches {
        focus: query.focus.is_empty() || any(&query.focus),
        ignore: any(&query.ignore),
        removed: any(&query.hide) || !(query.show.is_empty() || any(&query.show)),
        through: query.through.iter().any(passes),
    }
}
