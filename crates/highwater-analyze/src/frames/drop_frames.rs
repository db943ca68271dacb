//! The frames that a profile says are of no interest: pprof's `drop_frames` and `keep_frames`.
//!
//! They mean what they mean to `go tool pprof`, which applies them to whatever it shows. A function whose name, without a list of
//! arguments, matches `drop_frames` as a whole, and `keep_frames` not, is left out with all that it called. The search begins at
//! the root. It passes over matching frames until there is one that does not match, so that no stack is left empty.

use highwater_profile::{Location, LocationId, Profile};
use regex::Regex;

use crate::frames::re2;

/// What becomes of the stacks that a location is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Nothing.
    None,
    /// They end with it; it has lost the lines of functions inlined into it.
    Below,
    /// They end with its caller.
    Whole,
}

/// What is left of the stacks of a profile.
#[derive(Debug)]
pub(crate) struct DropFrames {
    /// For each location.
    cuts: Vec<(Cut, u32)>,
}

/// Why the expressions of a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its {field} are no regular expression ({reason}): {expression}")]
pub struct DropFramesError {
    field: &'static str,
    expression: String,
    reason: String,
}

impl DropFrames {
    /// What the profile says; `None` when it drops nothing.
    ///
    /// # Errors
    /// When an expression is none. Then nothing is dropped.
    pub fn of(profile: &Profile) -> Result<Option<Self>, DropFramesError> {
        if profile.drop_frames.is_empty() {
            return Ok(None);
        }
        let drop = compile("drop_frames", &profile.drop_frames)?;
        let keep = if profile.keep_frames.is_empty() {
            None
        } else {
            Some(compile("keep_frames", &profile.keep_frames)?)
        };
        let dropped: Vec<bool> = profile
            .functions()
            .iter()
            .map(|it| is_dropped(profile.string(it.name), &drop, keep.as_ref()))
            .collect();
        if !dropped.contains(&true) {
            return Ok(None);
        }
        let cut = |it: &Location| {
            let found = it.lines.iter().rposition(|line| dropped[line.function.index()]);
            match found {
                None => (Cut::None, 0),
                Some(at) if at + 1 == it.lines.len() => (Cut::Whole, 0),
                // There are fewer lines than bytes in a file, and these are fewer than 2^32 for each location.
                Some(at) => (Cut::Below, at as u32 + 1),
            }
        };
        Ok(Some(Self { cuts: profile.locations().iter().map(cut).collect() }))
    }

    /// How many lines of a location, innermost first, are left out wherever it is.
    pub fn lines(&self, id: LocationId) -> usize {
        self.cuts[id.index()].1 as usize
    }

    /// What is left of a stack, leaf first.
    pub fn apply<'a>(&self, stack: &'a [LocationId]) -> &'a [LocationId] {
        let mut found_user = false;
        for (at, id) in stack.iter().enumerate().rev() {
            match self.cuts[id.index()].0 {
                Cut::None => found_user = true,
                Cut::Whole if found_user => return &stack[at + 1..],
                Cut::Below if found_user => return &stack[at..],
                Cut::Whole | Cut::Below => {}
            }
        }
        stack
    }
}

/// What `field` of a profile says.
fn compile(field: &'static str, expression: &str) -> Result<Regex, DropFramesError> {
    let error = |reason| DropFramesError { field, expression: expression.to_owned(), reason };
    re2::whole(expression).map_err(error)
}

fn is_dropped(name: &str, drop: &Regex, keep: Option<&Regex>) -> bool {
    let bare = without_arguments(name);
    !name.is_empty() && drop.is_match(bare) && !keep.is_some_and(|it| it.is_match(bare))
}

/// A function's name up to its list of arguments, as pprof cuts it.
fn without_arguments(name: &str) -> &str {
    const NO_ARGUMENTS: [&str; 2] = ["(anonymous namespace)", "operator()"];
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut from = 0;
    while let Some(found) = name[from..].find(['(', 'o']) {
        let at = from + found;
        match NO_ARGUMENTS.iter().find(|it| name[at..].starts_with(**it)) {
            Some(part) => from = at + part.len(),
            None if name[at..].starts_with('(') => return &name[..at],
            None => from = at + 1,
        }
    }
    name
}

/// Takes the expressions out of `profile` that none of its frames can be left out by, because one of them is no expression.
pub fn take_invalid_expressions(profile: &mut Profile) -> Option<DropFramesError> {
    let keeps_nothing = || compile("keep_frames", &profile.keep_frames).err();
    let error = DropFrames::of(profile).err().or_else(keeps_nothing)?;
    profile.drop_frames.clear();
    profile.keep_frames.clear();
    Some(error)
}

/// Takes the frames out of `profile` that it says are to be left out, for formats that cannot say so. Its values stay as they
/// are, and its expressions are gone.
///
/// # Errors
/// When an expression is none. Then nothing changes.
pub fn drop_frames(profile: &mut Profile) -> Result<(), DropFramesError> {
    let found = DropFrames::of(profile)?;
    profile.drop_frames.clear();
    profile.keep_frames.clear();
    let Some(found) = found else { return Ok(()) };
    let empty = Profile::new(profile.sample_types().to_vec()).samples;
    let samples = std::mem::replace(&mut profile.samples, empty);
    for sample in samples.iter() {
        profile.samples.push(found.apply(sample.stack), sample.values, sample.labels);
    }
    let variance = profile.strings.intern("variance");
    profile.samples.add_up_equal(variance);
    for id in profile.location_ids() {
        let lines = found.lines(id);
        profile.location_mut(id).lines.drain(..lines);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_arguments_as_in_pprof() {
        for (name, expected) in [
            ("operator new(unsigned long)", "operator new"),
            ("Foo::(anonymous namespace)::Test::Baz(int)", "Foo::(anonymous namespace)::Test::Baz"),
            ("Foo::operator()(int) const", "Foo::operator()"),
            (".main", "main"),
            ("demo::<fn(u8)>::call", "demo::<fn"),
            ("demo::é", "demo::é"),
            ("", ""),
        ] {
            assert_eq!(without_arguments(name), expected);
        }
    }
}
