//! Split debug information: the `.dwo` and `.dwp` files that a binary's own debug information refers to.
//!
//! Split files have no build id. A hash of each unit connects them to their binary: `addr2line` asks for it,
//! and the file states it. A file with another hash is skipped.

use std::path::{Path, PathBuf};

use addr2line::SplitDwarfLoad;
use gimli::{DwarfFileType, DwoId, RunTimeEndian};

use crate::binary::open_regular;
use crate::sections::{self, Budget, PackageSections, Sections, Slice, borrow};

/// The possible paths of one binary's split files.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitPlaces {
    /// Packages, the best first.
    pub(crate) packages: Vec<PathBuf>,
    /// Directories with `.dwo` files, in addition to the compiler's working directory.
    pub(crate) directories: Vec<PathBuf>,
}

impl SplitPlaces {
    /// The sections of the first package that can be read.
    pub(crate) fn package(&self, budget: &mut Budget) -> Option<PackageSections> {
        self.packages.iter().find_map(|path| sections::load_package(path, budget).ok())
    }

    /// The sections of the `.dwo` file that `wanted` describes.
    pub(crate) fn unit(
        &self,
        wanted: &SplitDwarfLoad<Slice<'_>>,
        endian: RunTimeEndian,
        budget: &mut Budget,
    ) -> Option<Sections> {
        let name = path(wanted.path.as_ref()?)?;
        let compiled_in = wanted.comp_dir.as_ref().and_then(path).unwrap_or_default();
        let beside = self.directories.iter().flat_map(|dir| {
            let flat = name.file_name().map(|it| dir.join(it));
            // If the name is absolute, `join` returns the name alone, as intended.
            flat.into_iter().chain([dir.join(&name)])
        });
        std::iter::once(compiled_in.join(&name)).chain(beside).find_map(|path| {
            open_regular(&path).ok()?;
            let sections = sections::load_split(&path, budget).ok()?;
            is_unit(&sections, endian, wanted.dwo_id).then_some(sections)
        })
    }
}

/// Whether the first unit of these sections is the one with this hash.
fn is_unit(sections: &Sections, endian: RunTimeEndian, id: DwoId) -> bool {
    let mut dwarf = borrow(sections, endian);
    dwarf.file_type = DwarfFileType::Dwo;
    let header = dwarf.units().next();
    header.ok().flatten().and_then(|it| dwarf.unit(it).ok()).is_some_and(|it| it.dwo_id == Some(id))
}

fn path(text: &Slice<'_>) -> Option<PathBuf> {
    let text = std::str::from_utf8(text.slice()).ok().filter(|it| !it.is_empty())?;
    Some(Path::new(text).to_owned())
}
