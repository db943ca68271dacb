//! Where code is: mappings, functions, and the locations that the frames of a stack point to.

use std::hash::{Hash, Hasher};

use crate::string_table::StringId;

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
    /// The address that the file's own tables have for the byte at `start`, where the recorder found it out
    /// and the addresses are to be written as addresses of the tables; see [`Self::is_normalized`]. `None` in
    /// a profile that was read.
    pub elf_start: Option<u64>,
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

/// Where in its file an address belongs. Only this says it, for everybody: [`Mapping::place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Offset in the file, in bytes.
    Offset(u64),
    /// Address in the file's own tables, such as an ELF file's symbols and segments.
    Address(u64),
}

impl Place {
    /// The offset or the address.
    pub fn number(self) -> u64 {
        match self {
            Self::Offset(number) | Self::Address(number) => number,
        }
    }

    /// A number that differs for offsets and addresses: no file has offsets as large as an address.
    pub fn key(self) -> u64 {
        match self {
            Self::Offset(offset) => offset,
            Self::Address(address) => address | 1 << 63,
        }
    }
}

impl Mapping {
    /// Whether the addresses are not the process's, but the addresses in the file's own tables: the mapping
    /// begins at 0 and spans all addresses, or none. Go's pprof calls that normalized.
    pub fn is_normalized(&self) -> bool {
        self.start == 0 && self.file_offset == 0 && matches!(self.limit, 0 | u64::MAX)
    }

    /// Where in the file `address` belongs. An address outside of the mapping gets a place as well, since
    /// files may claim anything: [`Self::contains`] tells.
    pub fn place(&self, address: u64) -> Place {
        match self.elf_start {
            _ if self.is_normalized() => Place::Address(address),
            Some(elf_start) => Place::Address(address.wrapping_sub(self.start).wrapping_add(elf_start)),
            None => Place::Offset(address.wrapping_sub(self.start).wrapping_add(self.file_offset)),
        }
    }

    /// The address of a place that this mapping gave to an address of its own, or that one of the same kind
    /// did.
    pub fn address_of(&self, place: Place) -> u64 {
        let start = match (self.elf_start, place) {
            _ if self.is_normalized() => 0,
            (Some(elf_start), Place::Address(_)) => elf_start,
            _ => self.file_offset,
        };
        place.number().wrapping_sub(start).wrapping_add(self.start)
    }

    /// Whether `address` is within the mapping, as far as its end is known.
    pub fn contains(&self, address: u64) -> bool {
        address >= self.start && (self.limit == 0 || address < self.limit)
    }
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
    /// Address of the **call** instruction or within it (never the return address behind it), as it was in
    /// the process; 0 when the profile carries names only.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_the_files_own_are_taken_as_they_are() {
        for limit in [0, u64::MAX] {
            let normalized = Mapping { limit, ..Mapping::default() };
            assert_eq!(normalized.place(0x1234), Place::Address(0x1234));
            assert!(normalized.contains(0x1234));
        }
        let mapped = Mapping { start: 0x7000, limit: 0x9000, file_offset: 0x200, ..Mapping::default() };
        assert_eq!(mapped.place(0x7010), Place::Offset(0x210));
        assert!(mapped.contains(0x8fff) && !mapped.contains(0x9000) && !mapped.contains(0x6fff));
        let known = Mapping { elf_start: Some(0x1200), ..mapped.clone() };
        assert_eq!(known.place(0x7010), Place::Address(0x1210));
        // Something that begins at 0 and ends is no such mapping: the kernel's, or one of a program without
        // addresses.
        assert_eq!(Mapping { limit: 0x9000, ..Mapping::default() }.place(0x10), Place::Offset(0x10));
        for mapping in [Mapping::default(), mapped, known] {
            assert_eq!(mapping.address_of(mapping.place(0x7010)), 0x7010);
        }
        assert_ne!(Place::Offset(7).key(), Place::Address(7).key());
    }
}
