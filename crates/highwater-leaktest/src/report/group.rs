//! Findings of one line of source become one paragraph, with their number and an example.

use std::collections::{BTreeSet, HashMap};

use super::phrases;
use crate::finding::{Frame, Kind, Leak, Origin, innermost_own};

/// Where something was started, or allocated.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place<'a> {
    /// A line of the project's own.
    Line(&'a str, u32),
    /// A function of the project's own, whose lines are unknown.
    Function(&'a str),
    /// Calls of other crates alone. One line of theirs says little: all tasks of a runtime pass through the
    /// same one.
    Calls(&'a [Frame]),
}

impl<'a> Place<'a> {
    fn new(calls: &'a [Frame]) -> Self {
        match innermost_own(calls).filter(|it| it.origin == Origin::Own) {
            Some(Frame { file: Some(file), line: Some(line), .. }) => Self::Line(file, *line),
            Some(frame) => Self::Function(&frame.function),
            None => Self::Calls(calls),
        }
    }
}

/// Puts the items of one place together. The places come in the order of their first items.
pub(super) fn by_place<'a, T>(
    items: impl IntoIterator<Item = T>,
    calls: impl Fn(&T) -> &'a [Frame],
) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut known: HashMap<Place<'a>, usize> = HashMap::new();
    for item in items {
        let index = *known.entry(Place::new(calls(&item))).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// The threads and tasks of each line.
pub(super) fn leaks(leaks: &[Leak]) -> Vec<Vec<&Leak>> {
    by_place(leaks, |it| it.spawned.as_slice())
}

/// How many threads and tasks these are: `3 threads and 24 tasks`.
pub(super) fn number(leaks: &[&Leak]) -> String {
    let of = |kind, name| {
        let number = leaks.iter().filter(|it| it.kind == kind).count();
        (number > 0).then(|| phrases::count(number, name))
    };
    let children = match of(Kind::Child, "child process") {
        Some(many) if many.ends_with("processs") => Some(many.replace("processs", "processes")),
        other => other,
    };
    let parts =
        [of(Kind::Thread, "thread"), of(Kind::Task, "task"), of(Kind::Descriptor, "descriptor"), children];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    phrases::list(&parts)
}

/// The different values of a property.
pub(super) fn different<'a, T: Ord>(leaks: &[&'a Leak], of: impl Fn(&'a Leak) -> T) -> BTreeSet<T> {
    leaks.iter().map(|it| of(it)).collect()
}
