//! The headers of a binary: its build id, the addresses of its code, and the location of its debug
//! information.
//!
//! Headers are read in small cached pieces and not as a whole file, since most inspected files are not used.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Crc;
use highwater_profile::{Mapping, Place};
use object::read::{Object, ObjectSection, ObjectSegment, ReadCache};
use object::{BinaryFormat, ObjectKind, SegmentFlags, elf, macho};

/// The facts of one binary file.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// In lower-case hexadecimal. For Mach-O this is the UUID.
    pub(crate) build_id: Option<String>,
    pub(crate) has_debug_info: bool,
    pub(crate) is_mach_o: bool,
    /// File name and checksum in `.gnu_debuglink`.
    pub(crate) debug_link: Option<(PathBuf, u32)>,
    /// Path and build id in `.gnu_debugaltlink`: the file with the parts that several debug files share.
    pub(crate) shared_debug_link: Option<(PathBuf, String)>,
    pub(crate) modified: Option<SystemTime>,
    /// Whether the program runs at the addresses in its tables (ELF type `EXEC`), so that loading does not
    /// move it.
    is_fixed: bool,
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    file_offset: u64,
    file_size: u64,
    address: u64,
    memory_size: u64,
    executable: bool,
}

impl Binary {
    /// Reads the headers of the file at `path`. The error gives the reason without the path.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = open_regular(path)?;
        let modified = file.metadata().ok().and_then(|it| it.modified().ok());
        let cache = ReadCache::new(file);
        let object =
            object::File::parse(&cache).map_err(|error| format!("damaged or no binary ({error})"))?;
        let damaged = |error: object::Error| format!("damaged ({error})");
        let build_id = match object.build_id().map_err(damaged)? {
            Some(id) => Some(hex(id)),
            None => object.mach_uuid().map_err(damaged)?.map(|id| hex(&id)),
        };
        Ok(Self {
            path: path.to_owned(),
            build_id,
            has_debug_info: object.section_by_name(".debug_info").is_some_and(|it| it.size() > 0),
            is_mach_o: object.format() == BinaryFormat::MachO,
            debug_link: object
                .gnu_debuglink()
                .map_err(damaged)?
                .and_then(|(name, checksum)| Some((file_name(name)?, checksum))),
            shared_debug_link: object
                .gnu_debugaltlink()
                .map_err(damaged)?
                .map(|(path, id)| (PathBuf::from(String::from_utf8_lossy(path).as_ref()), hex(id))),
            modified,
            is_fixed: object.format() == BinaryFormat::Elf && object.kind() == ObjectKind::Executable,
            segments: object.segments().map(|segment| Segment::new(&segment)).collect(),
        })
    }

    /// The address in the file's own tables for an `address` of the process. `None` outside of the loaded
    /// parts.
    ///
    /// A debug file has no loaded parts, so it does not say where they were. Then the mapping must be exactly
    /// as large as the only executable segment; otherwise the address is unknown.
    pub(crate) fn virtual_address(&self, mapping: &Mapping, address: u64) -> Option<u64> {
        if !mapping.contains(address) {
            return None;
        }
        match mapping.place(address) {
            Place::Address(address) => self.loads(address).then_some(address),
            Place::Offset(_) if !is_certain(mapping) && !self.is_mach_o => self.by_start(mapping, address),
            Place::Offset(offset) if self.has_code() => self.by_file_offset(offset),
            Place::Offset(_) => self.by_shape(mapping)?.checked_add(address - mapping.start),
        }
    }

    /// [`Self::virtual_address`] for a mapping with offset 0. The offset may be right (some linkers, Go's
    /// among them, put the code in the first segment), the writer may not have known it, or the mapping may
    /// be the whole module with all its segments.
    fn by_start(&self, mapping: &Mapping, address: u64) -> Option<u64> {
        if self.is_fixed && self.segments.iter().any(|it| it.executable && it.holds(address)) {
            return Some(address);
        }
        let distance = address - mapping.start;
        let first = self.segments.iter().filter(|it| it.memory_size > 0).min_by_key(|it| it.address)?;
        if first.executable && first.file_offset == 0 {
            return self.by_file_offset(distance).or_else(|| first.address.checked_add(distance));
        }
        if let Some(start) = self.by_shape(mapping) {
            return start.checked_add(distance);
        }
        let whole = (first.address / PAGES[0] * PAGES[0]).checked_add(distance)?;
        self.segments.iter().any(|it| it.executable && it.holds(whole)).then_some(whole)
    }

    /// Whether a segment of the file contains this address of its tables.
    fn loads(&self, address: u64) -> bool {
        self.segments.iter().any(|it| it.holds(address))
    }

    fn by_file_offset(&self, file_offset: u64) -> Option<u64> {
        let holds = |it: &&Segment| {
            file_offset.checked_sub(it.file_offset).is_some_and(|distance| distance < it.file_size)
        };
        let segment = self
            .segments
            .iter()
            .filter(|it| it.executable)
            .find(holds)
            .or_else(|| self.segments.iter().find(holds))?;
        segment.address.checked_add(file_offset - segment.file_offset)
    }

    /// The address at which the mapping begins, if it is a mapping of the whole executable segment.
    fn by_shape(&self, mapping: &Mapping) -> Option<u64> {
        let mut executable = self.segments.iter().filter(|it| it.executable && it.memory_size > 0);
        let (Some(segment), None) = (executable.next(), executable.next()) else { return None };
        let length = mapping.limit.checked_sub(mapping.start)?;
        PAGES.into_iter().find_map(|page| {
            let start = segment.address / page * page;
            let end = segment.address.checked_add(segment.memory_size)?.div_ceil(page).checked_mul(page)?;
            (end - start == length).then_some(start)
        })
    }

    /// Whether the file contains code. In a debug file, the loaded parts are cut out.
    pub(crate) fn has_code(&self) -> bool {
        self.segments.iter().any(|it| it.executable && it.file_size > 0)
    }

    /// Whether this is the build with this id (in the form of [`normal_id`]).
    pub(crate) fn is_build(&self, id: &str) -> bool {
        self.build_id.as_ref().is_some_and(|own| own == id)
    }
}

/// Possible sizes of memory pages, in bytes.
const PAGES: [u64; 3] = [4 << 10, 16 << 10, 64 << 10];

/// Whether a mapping alone determines the file position of an address, for any file. See
/// [`Binary::by_start`].
pub(crate) fn is_certain(mapping: &Mapping) -> bool {
    mapping.file_offset != 0 || mapping.elf_start.is_some() || mapping.is_normalized()
}

impl Segment {
    /// Whether the segment contains an address of the file's tables.
    fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|distance| distance < self.memory_size)
    }

    fn new<'data>(segment: &impl ObjectSegment<'data>) -> Self {
        let (file_offset, file_size) = segment.file_range();
        let executable = match segment.flags() {
            SegmentFlags::Elf { p_flags, .. } => p_flags.0 & elf::PF_X.0 != 0,
            SegmentFlags::MachO { initprot, .. } => initprot.0 & macho::VM_PROT_EXECUTE.0 != 0,
            _ => false,
        };
        Self { file_offset, file_size, address: segment.address(), memory_size: segment.size(), executable }
    }
}

/// Opens a file for reading if it is a regular file. The error does not name it.
pub(crate) fn open_regular(path: &Path) -> Result<File, String> {
    // Checked before opening, because opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("not a regular file".to_owned());
    }
    File::open(path).map_err(|error| error.to_string())
}

/// The checksum of `.gnu_debuglink` over a whole file.
pub(crate) fn checksum(path: &Path) -> Result<u32, String> {
    let mut file = open_regular(path)?;
    let mut crc = Crc::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => return Ok(crc.sum()),
            length => crc.update(&buffer[..length]),
        }
    }
}

/// A build id in the form for comparisons: in lower case, and without the dashes in which Mach-O UUIDs may be
/// written.
pub(crate) fn normal_id(id: &str) -> String {
    id.chars().filter(|&it| it != '-').map(|it| it.to_ascii_lowercase()).collect()
}

/// A link must be a plain file name; a path could lead anywhere.
fn file_name(name: &[u8]) -> Option<PathBuf> {
    Path::new(String::from_utf8_lossy(name).as_ref()).file_name().map(PathBuf::from)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(segments: &[Segment]) -> Binary {
        Binary {
            path: PathBuf::new(),
            build_id: None,
            has_debug_info: true,
            is_mach_o: false,
            debug_link: None,
            shared_debug_link: None,
            modified: None,
            is_fixed: false,
            segments: segments.to_vec(),
        }
    }

    fn mapping(start: u64, limit: u64, file_offset: u64) -> Mapping {
        Mapping { start, limit, file_offset, ..Mapping::default() }
    }

    #[test]
    fn a_debug_file_has_addresses_only_if_the_mapping_fits() {
        let code =
            Segment { file_offset: 0, file_size: 0, address: 0x2a40, memory_size: 0x3100, executable: true };
        let file = binary(&[code]);
        assert_eq!(
            file.virtual_address(&mapping(0x7000_1000, 0x7000_5000, 0x1000), 0x7000_1a40),
            Some(0x2a40)
        );
        // Half of the segment, or another layout.
        let half = mapping(0x7000_1000, 0x7000_3000, 0x1000);
        assert_eq!(file.virtual_address(&half, 0x7000_1a40), None);
        let two = binary(&[code, code]);
        assert_eq!(two.virtual_address(&mapping(0x7000_1000, 0x7000_5000, 0x1000), 0x7000_1a40), None);
    }

    /// Segments as rust-lld lays them out: the code's address differs from its offset.
    const LLD: [Segment; 2] = [
        Segment { file_offset: 0, file_size: 0x17c0, address: 0, memory_size: 0x17c0, executable: false },
        Segment {
            file_offset: 0x17c0,
            file_size: 0x2000,
            address: 0x27c0,
            memory_size: 0x2000,
            executable: true,
        },
    ];

    #[test]
    fn a_normalized_address_is_unchanged() {
        for limit in [0, u64::MAX] {
            assert_eq!(binary(&LLD).virtual_address(&mapping(0, limit, 0), 0x2800), Some(0x2800));
            assert_eq!(binary(&LLD).virtual_address(&mapping(0, limit, 0), 0x9000), None);
        }
    }

    #[test]
    fn pages_and_segments_lead_to_the_same_address() {
        let (file, base) = (binary(&LLD), 0x5555_0000_0000);
        let [pages, segment] = [
            mapping(base + 0x2000, base + 0x5000, 0x1000),
            // As earlier versions of the recorder wrote mappings.
            mapping(base + 0x27c0, base + 0x47c0, 0x17c0),
        ];
        for mapping in [pages, segment] {
            assert_eq!(file.virtual_address(&mapping, base + 0x2800), Some(0x2800));
        }
    }

    #[test]
    fn without_an_offset_the_shape_decides() {
        let (mut file, base) = (binary(&LLD), 0x5555_0000_0000);
        // A mapping of the whole module, then one of its code alone.
        assert_eq!(file.virtual_address(&mapping(base, base + 0x6000, 0), base + 0x2800), Some(0x2800));
        assert_eq!(
            file.virtual_address(&mapping(base + 0x2000, base + 0x5000, 0), base + 0x2800),
            Some(0x2800)
        );
        assert_eq!(file.virtual_address(&mapping(base, 0, 0), base + 0x2800), Some(0x2800));
        // A program that loading does not move.
        file.is_fixed = true;
        assert_eq!(file.virtual_address(&mapping(0x2000, 0x4000, 0), 0x2800), Some(0x2800));
        // Code and everything else in one segment, like gold.
        let one =
            Segment { file_offset: 0, file_size: 0x4000, address: 0, memory_size: 0x4000, executable: true };
        assert_eq!(
            binary(&[one]).virtual_address(&mapping(base, base + 0x4000, 0), base + 0x2800),
            Some(0x2800)
        );
    }

    #[test]
    fn ids_are_compared_without_their_spelling() {
        assert_eq!(normal_id("0A1B-2C3D"), "0a1b2c3d");
    }
}
