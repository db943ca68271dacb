//! Reads the debug sections of a file into memory: only those that lookups need, uncompressed, and never more
//! than a limit.
//!
//! Sections are read and not memory-mapped. If another process truncated a mapped file, a signal would kill
//! this process; and mapping needs unsafe code. The memory needed is the size of these sections, once for all
//! threads.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use gimli::{Dwarf, DwarfPackageSections, DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::read::{CompressedData, CompressedFileRange, Object, ObjectSection, ReadCache};

use crate::binary::open_regular;

/// Sections of one file. They stay in memory while the file is in use.
pub(crate) type Sections = DwarfSections<Vec<u8>>;

/// A section as readers take it.
pub(crate) type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// Sections as readers of this byte order.
pub(crate) fn borrow(sections: &Sections, endian: RunTimeEndian) -> Dwarf<Slice<'_>> {
    sections.borrow(|bytes| EndianSlice::new(bytes, endian))
}

/// Sections of one package of split debug information.
pub(crate) type PackageSections = DwarfPackageSections<Vec<u8>>;

/// The sections for lookups of functions and lines. The others (types, locations of variables, macros) are
/// often larger.
const NEEDED: [SectionId; 10] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// The naming scheme of the sections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Main,
    /// The names in a `.dwo` file.
    Split,
    /// The names in a `.dwp` file. All of its sections are needed: its index refers to each of them.
    Package,
}

/// The positions of the sections in a file.
struct Layout {
    file: File,
    ranges: HashMap<SectionId, CompressedFileRange>,
    endian: RunTimeEndian,
}

/// The remaining memory budget for the debug information of one binary.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    left: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    fn take(&mut self, bytes: u64) -> Result<(), String> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                return Err(format!(
                    "its debug information needs more than the limit of {} bytes",
                    self.limit
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn used(&self) -> u64 {
        self.limit - self.left
    }
}

/// The sections of a linked file, and their byte order. Errors do not name the file.
pub(crate) fn load(path: &Path, budget: &mut Budget) -> Result<(Sections, RunTimeEndian), String> {
    let mut layout = Layout::open(path, Names::Main)?;
    let sections = Sections::load(|id| layout.read(id, budget))?;
    Ok((sections, layout.endian))
}

/// The sections of a `.dwo` file.
pub(crate) fn load_split(path: &Path, budget: &mut Budget) -> Result<Sections, String> {
    let mut layout = Layout::open(path, Names::Split)?;
    Sections::load(|id| layout.read(id, budget))
}

/// The sections of a `.dwp` file.
pub(crate) fn load_package(path: &Path, budget: &mut Budget) -> Result<PackageSections, String> {
    let mut layout = Layout::open(path, Names::Package)?;
    PackageSections::load(|id| layout.read(id, budget).map_err(PackageError)).map_err(|error| error.0)
}

/// The number of bytes that the sections of a linked file will need; 0 if they cannot be read.
pub(crate) fn size(path: &Path) -> u64 {
    let layout = Layout::open(path, Names::Main);
    layout.map_or(0, |it| it.ranges.values().fold(0, |sum, it| sum.saturating_add(it.uncompressed_size)))
}

/// The error type that `gimli` requires for loading a package.
struct PackageError(String);

impl From<gimli::Error> for PackageError {
    fn from(error: gimli::Error) -> Self {
        Self(error.to_string())
    }
}

impl Layout {
    fn open(path: &Path, names: Names) -> Result<Self, String> {
        let file = open_regular(path)?;
        let cache = ReadCache::new(file);
        let object = object::File::parse(&cache).map_err(|error| error.to_string())?;
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut ranges = HashMap::new();
        let mut look = |id: SectionId| -> Result<(), String> {
            let name = if names == Names::Main { Some(id.name()) } else { id.dwo_name() };
            if let Some(section) = name.and_then(|name| object.section_by_name(name)) {
                let range =
                    section.compressed_file_range().map_err(|error| format!("{}: {error}", id.name()))?;
                ranges.insert(id, range);
            }
            Ok(())
        };
        match names {
            Names::Main | Names::Split => NEEDED.into_iter().try_for_each(look)?,
            Names::Package => {
                DwarfPackageSections::<()>::load(|id| look(id).map_err(PackageError))
                    .map_err(|error| error.0)?;
            }
        }
        drop(object);
        Ok(Self { file: cache.into_inner(), ranges, endian })
    }

    /// One section; empty if the file does not have it.
    fn read(&mut self, id: SectionId, budget: &mut Budget) -> Result<Vec<u8>, String> {
        let Some(range) = self.ranges.get(&id) else { return Ok(Vec::new()) };
        let damaged = |reason: &str| format!("{}: {reason}", id.name());
        let length = self.file.seek(SeekFrom::End(0)).map_err(|error| damaged(&error.to_string()))?;
        if range.offset.checked_add(range.compressed_size).is_none_or(|end| end > length) {
            return Err(damaged("it reaches beyond the end of the file"));
        }
        budget.take(range.uncompressed_size)?;
        let mut bytes = Vec::new();
        let size = usize::try_from(range.compressed_size).map_err(|_| damaged("too large"))?;
        bytes.try_reserve_exact(size).map_err(|_| damaged("there is not enough memory for it"))?;
        let read = self
            .file
            .seek(SeekFrom::Start(range.offset))
            .and_then(|_| (&self.file).take(range.compressed_size).read_to_end(&mut bytes));
        if read.map_err(|error| damaged(&error.to_string()))? != size {
            return Err(damaged("the file became shorter while it was read"));
        }
        let data =
            CompressedData { format: range.format, data: &bytes, uncompressed_size: range.uncompressed_size };
        if matches!(range.format, object::CompressionFormat::None) {
            return Ok(bytes);
        }
        let unpacked = data.decompress().map_err(|error| damaged(&error.to_string()))?;
        Ok(unpacked.into_owned())
    }
}
