//! Where code is: mappings, functions, and the locations that the frames of a stack point to.

use std::hash::{Hash, Hasher};

use crate::StringId;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub(crate) u32);

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write_u32(self.0);
            }

            /// Two handles at a time: stacks are hashed by the million.
            fn hash_slice<H: Hasher>(handles: &[Self], state: &mut H) {
                let pairs = handles.chunks_exact(2);
                let rest = pairs.remainder();
                for pair in pairs {
                    state.write_u64(u64::from(pair[0].0) << 32 | u64::from(pair[1].0));
                }
                for handle in rest {
                    state.write_u32(handle.0);
                }
            }
        }

        impl $name {
            /// Position in its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The handle of the entry at `position`.
            pub(crate) fn from_index(position: usize) -> Self {
                Self(u32::try_from(position).expect("fewer than 2^32 entries in a profile's table"))
            }
        }
    };
}

handle! {
    /// Handle of a [`Mapping`] in [`Profile::mappings`](crate::Profile::mappings).
    MappingId
}
handle! {
    /// Handle of a [`Function`] in [`Profile::functions`](crate::Profile::functions).
    FunctionId
}
handle! {
    /// Handle of a [`Location`] in [`Profile::locations`](crate::Profile::locations).
    LocationId
}

/// A file mapped executable into the process: the program itself or a shared library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First address of the mapping in the process.
    pub start: u64,
    /// First address behind the mapping.
    pub limit: u64,
    /// Offset in the file of the byte that is mapped at `start`.
    pub file_offset: u64,
    /// Path of the mapped file on the machine that made the profile.
    pub file: StringId,
    /// Build id in lower-case hexadecimal; empty when the file has none.
    pub build_id: StringId,
    /// The locations of this mapping have function names.
    pub has_functions: bool,
    /// The locations of this mapping have file names.
    pub has_filenames: bool,
    /// The locations of this mapping have line numbers.
    pub has_line_numbers: bool,
    /// The locations of this mapping list inlined frames.
    pub has_inline_frames: bool,
}

/// A function of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// Demangled name for people.
    pub name: StringId,
    /// Name as the linker sees it.
    pub system_name: StringId,
    /// Path of the source file.
    pub file: StringId,
    /// Line on which the function starts; 0 when unknown.
    pub start_line: i64,
}

/// One source position of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line in the function's file; 0 when unknown.
    pub line: i64,
    /// Column in that line, counted from 1; 0 when unknown.
    pub column: u32,
}

impl Line {
    /// A line whose column is not known.
    pub fn new(function: FunctionId, line: i64) -> Self {
        Self { function, line, column: 0 }
    }
}

/// What one frame of a stack points to: an address, and once symbolized the source positions of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The mapping that holds `address`, when known.
    pub mapping: Option<MappingId>,
    /// Address of the **call** instruction or within it (never the return address behind it), as it was in the
    /// process; 0 when the profile carries names only.
    pub address: u64,
    /// Source positions: the innermost inlined call first, the function that was really called last. Empty
    /// until symbolized.
    pub lines: Vec<Line>,
    /// Several addresses were folded into this one (pprof's `is_folded`).
    pub is_folded: bool,
}

impl Location {
    /// A location that is known by address only.
    pub fn at(mapping: Option<MappingId>, address: u64) -> Self {
        Self { mapping, address, ..Self::default() }
    }

    /// A location that is known by name only.
    pub fn symbolized(lines: Vec<Line>) -> Self {
        Self { lines, ..Self::default() }
    }
}
