//! Frames as formats without locations have them: a name, and the place it stands for.

use std::borrow::Cow;

use crate::location::Location;
use crate::profile::Profile;
use crate::string_table::StringId;

/// One call: a function of a location, inlined or not, or the location itself when no name is known.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    /// The function's name; without one the place in the binary, as [`Profile::location_names`] has it.
    pub name: Cow<'a, str>,
    /// Whether `name` is a function's.
    pub is_named: bool,
    /// Source file, or empty.
    pub file: &'a str,
    /// Line in `file`; 0 when unknown.
    pub line: i64,
    /// Address of the location; 0 when there is none.
    pub address: u64,
    /// Path of the binary, or empty.
    pub binary: &'a str,
}

/// The frames of a location, the innermost inlined call first. At least one.
pub(super) fn frames<'a>(profile: &'a Profile, location: &'a Location) -> impl Iterator<Item = Frame<'a>> {
    let name = |function: &crate::location::Function| {
        [function.name, function.system_name].into_iter().find(|it| *it != StringId::EMPTY)
    };
    let binary = location.mapping.map_or("", |id| profile.string(profile.mapping(id).file));
    let named = location.lines.iter().filter_map(move |line| {
        let function = profile.function(line.function);
        Some(Frame {
            name: Cow::Borrowed(profile.string(name(function)?)),
            is_named: true,
            file: profile.string(function.file),
            line: line.line,
            address: location.address,
            binary,
        })
    });
    let has_name = location.lines.iter().any(|line| name(profile.function(line.function)).is_some());
    let place = (!has_name).then(|| Frame {
        name: Cow::Owned(profile.place(location)),
        is_named: false,
        file: "",
        line: 0,
        address: location.address,
        binary,
    });
    place.into_iter().chain(named)
}

/// The frames of all locations as numbers, equal frames by one number, for formats with a table of frames.
pub(super) struct FrameTable {
    numbers: Vec<u32>,
    /// Where the frames of each location end in `numbers`.
    ends: Vec<usize>,
}

impl FrameTable {
    /// Asks `number` for the number of each frame.
    pub fn of(profile: &Profile, mut number: impl FnMut(Frame<'_>) -> u32) -> Self {
        let mut table = Self { numbers: Vec::new(), ends: Vec::new() };
        for location in profile.locations() {
            table.numbers.extend(frames(profile, location).map(&mut number));
            table.ends.push(table.numbers.len());
        }
        table
    }

    /// Puts the frames of a stack into `stack`, leaf first.
    pub fn stack(&self, locations: &[crate::location::LocationId], stack: &mut Vec<u32>) {
        stack.clear();
        for location in locations {
            let index = location.index();
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            stack.extend_from_slice(&self.numbers[start..self.ends[index]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, Mapping};

    #[test]
    fn inlined_calls_come_first_and_nameless_places_say_where() {
        let mut profile = Profile::new(vec![]);
        let file = profile.strings.intern("/lib/libc.so.6");
        let libc = profile.add_mapping(Mapping { start: 0x1000, limit: 0x2000, file, ..Mapping::default() });
        let inner = profile.add_function("inner", "_inner", "a.rs");
        let outer = profile.add_function("", "_outer", "");
        let nameless = profile.add_function("", "", "b.rs");
        let lines = [(inner, 3), (nameless, 4), (outer, 0)];
        let lines = lines.map(|(function, line)| Line::new(function, line)).to_vec();
        for (location, expected) in [
            (Location::symbolized(lines.clone()), &["inner a.rs:3", "_outer :0"][..]),
            (Location::symbolized(lines[1..2].to_vec()), &["[unknown] :0"]),
            (Location::at(Some(libc), 0x1010), &["libc.so.6+0x10 :0"]),
            (Location::at(None, 0x1010), &["0x1010 :0"]),
        ] {
            let all: Vec<String> = frames(&profile, &location)
                .map(|it| format!("{} {}:{}", it.name, it.file, it.line))
                .collect();
            assert_eq!(all, expected);
            // As everybody else names them.
            let mut names = Vec::new();
            let id = profile.add_location(location);
            profile.location_names(id, |name| names.push(name.into_owned()));
            assert_eq!(names, all.iter().map(|it| it.split(' ').next().unwrap()).collect::<Vec<_>>());
        }
    }
}
