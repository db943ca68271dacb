//! The tables that a recording builds up as it goes: strings, instructions, stacks and kinds of blocks.
//!
//! A stack refers to its caller's, so a small file can describe a million deep ones. Each is written out once
//! at most, and counted as memory when it is.

use std::collections::HashMap;

use super::line::Fields;
use crate::bounded_text::BoundedText;
use crate::format::others::tree::StackTree;
use crate::limits::Limits;
use crate::location::{Function, Line, Location, LocationId, Mapping, MappingId};
use crate::profile::Profile;
use crate::read_error::ReadError;
use crate::string_table::StringId;

/// The tables so far. The profile has the texts and the locations.
#[derive(Default)]
pub(super) struct Tables {
    strings: Vec<Text>,
    mappings: HashMap<StringId, MappingId>,
    instructions: Vec<LocationId>,
    /// For each stack of the file its node in `tree`. Stacks that are the same are the same node.
    stacks: Vec<u32>,
    tree: StackTree,
    /// The kinds of blocks.
    pub kinds: Vec<Kind>,
}

/// A string of the file.
#[derive(Clone, Copy)]
struct Text {
    raw: StringId,
    /// For people, once it was asked for; as a function's name.
    readable: Option<StringId>,
}

/// Blocks of one size from one stack, and what became of them.
#[derive(Default)]
pub(super) struct Kind {
    /// Size of each block.
    pub size: u64,
    /// Node of its stack, if that could be walked.
    pub stack: Option<u32>,
    /// Allocated so far.
    pub allocated: i64,
    /// Freed right after they were allocated, with nothing allocated in between.
    pub temporary: i64,
    /// Not freed so far.
    pub live: i64,
    /// Live at the peak number `peak`, if that is the last.
    pub at_peak: i64,
    /// How many peaks there had been when `live` changed last.
    pub peak: u64,
}

impl Tables {
    /// Memory that the tables take, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        let bytes = self.strings.capacity() * size_of::<Text>()
            + self.mappings.capacity() * size_of::<(StringId, MappingId)>()
            + self.instructions.capacity() * size_of::<LocationId>()
            + self.stacks.capacity() * size_of::<u32>()
            + self.kinds.capacity() * size_of::<Kind>();
        bytes as u64 + self.tree.heap_bytes()
    }

    /// `s`: a string.
    pub fn add_string(&mut self, profile: &mut Profile, text: &[u8]) {
        let raw = profile.strings.intern(&String::from_utf8_lossy(text));
        self.strings.push(Text { raw, readable: None });
    }

    /// `i`: an instruction, with the calls that are inlined there.
    pub fn add_instruction(
        &mut self,
        profile: &mut Profile,
        fields: &mut Fields<'_>,
    ) -> Result<(), ReadError> {
        let address = fields.number("the address")?;
        let module = fields.maybe_position("the module", self.strings.len())?.map(|it| self.strings[it].raw);
        let mapping = module.map(|file| self.mapping(profile, file));
        let mut lines = Vec::new();
        while !fields.rest().is_empty() {
            let function = fields.maybe_position("the function", self.strings.len())?;
            // A function whose file is not known ends the line.
            let is_place = !fields.rest().is_empty();
            let file =
                if is_place { fields.maybe_position("the source file", self.strings.len())? } else { None };
            let line = if is_place { fields.number("the line")? } else { 0 };
            let line = i64::try_from(line).map_err(|_| fields.wrong(format!("the line is {line:x}")))?;
            let Some(function) = function else { continue };
            let text = &mut self.strings[function];
            let system_name = text.raw;
            let name = *text.readable.get_or_insert_with(|| readable(profile, system_name));
            let file = file.map_or(StringId::EMPTY, |it| self.strings[it].raw);
            let function = profile.intern_function(Function { name, system_name, file, start_line: 0 });
            lines.push(Line::new(function, line));
        }
        if let Some(id) = mapping.filter(|_| !lines.is_empty()) {
            let mapping = profile.mapping_mut(id);
            mapping.has_functions = true;
            mapping.has_filenames = true;
            mapping.has_line_numbers = true;
            mapping.has_inline_frames = true;
        }
        self.instructions.push(profile.add_location(Location { mapping, address, lines, is_folded: false }));
        Ok(())
    }

    fn mapping(&mut self, profile: &mut Profile, file: StringId) -> MappingId {
        *self
            .mappings
            .entry(file)
            .or_insert_with(|| profile.add_mapping(Mapping { file, ..Mapping::default() }))
    }

    /// `t`: a stack. Its caller was added before it, so there are no cycles.
    pub fn add_stack(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let instruction = fields.position("the instruction", 1, self.instructions.len())?;
        let parent = fields.maybe_position("the calling stack", self.stacks.len())?;
        let frame = self.instructions[instruction].index() as u32;
        let node = self.tree.child(parent.map(|it| self.stacks[it]), frame);
        if self.tree.depth(node) > Limits::MAX_STACK_FRAMES {
            return Err(fields.wrong(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES)));
        }
        self.stacks.push(node);
        Ok(())
    }

    /// `a`: a kind of block.
    pub fn add_kind(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let size = fields.number("the size")?;
        // Stack 0 belongs to blocks whose stacks could not be walked.
        let stack = fields.maybe_position("the stack", self.stacks.len())?.map(|it| self.stacks[it]);
        self.kinds.push(Kind { size, stack, ..Kind::default() });
        Ok(())
    }

    /// The frames of a kind's stack, leaf first.
    pub fn frames(&self, kind: &Kind, frames: &mut Vec<LocationId>) {
        frames.clear();
        if let Some(node) = kind.stack {
            frames.extend(self.tree.path(node).map(|it| LocationId::from_index(it as usize)));
        }
    }

    /// Number of distinct stacks.
    pub fn distinct_stacks(&self) -> usize {
        self.tree.len()
    }
}

/// A demangled name longer than this is not taken.
const MOST_NAME_BYTES: usize = 16 << 10;

/// The name for people of a function. heaptrack demangles names like names of C++: what Rust mangles now it
/// leaves as it is, and of what Rust mangled before it leaves the escapes.
fn readable(profile: &mut Profile, name: StringId) -> StringId {
    let raw = profile.string(name);
    let mangled = if raw.starts_with("_R") { Some(raw.to_owned()) } else { mangled_again(raw) };
    let mut text = BoundedText::new(MOST_NAME_BYTES);
    let is_whole = mangled.and_then(|it| {
        let demangled = rustc_demangle::try_demangle(&it).ok()?;
        std::fmt::write(&mut text, format_args!("{demangled:#}")).ok()
    });
    if is_whole.is_some() { profile.strings.intern(&text.into_string()) } else { name }
}

/// What Rust's old mangling made of `alloc::raw_vec::RawVec$LT$T$GT$::grow::h0123456789abcdef`.
fn mangled_again(name: &str) -> Option<String> {
    let (path, hash) = name.rsplit_once("::h")?;
    if path.is_empty() || hash.len() != 16 || !hash.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let parts = name.split("::").map(|part| format!("{}{part}", part.len()));
    Some(format!("_ZN{}E", parts.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_are_readable() {
        let mut profile = Profile::new(vec![]);
        for (raw, expected) in [
            ("_RNvCs15kBYyAo9fc_7mycrate3foo", "mycrate::foo"),
            ("alloc::vec::Vec$LT$T$C$A$GT$::push::h0123456789abcdef", "alloc::vec::Vec<T,A>::push"),
            ("std::vector<int>::push_back(int&&)", "std::vector<int>::push_back(int&&)"),
            ("malloc", "malloc"),
            ("::h0123456789abcdef", "::h0123456789abcdef"),
            ("a::h0123456789abcdeg", "a::h0123456789abcdeg"),
        ] {
            let id = profile.strings.intern(raw);
            let name = readable(&mut profile, id);
            assert_eq!(profile.string(name), expected);
        }
    }
}
