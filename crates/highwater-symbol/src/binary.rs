//! What the headers of a binary say: its build id, where its code is, and where its debug information may be.
//!
//! Read through a cache of small pieces and not as a whole, since most files that are looked at are not used.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object::read::{Object, ObjectSection, ObjectSegment, ReadCache};
use object::{SegmentFlags, elf};

/// The facts of one file.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// In lower-case hexadecimal.
    pub(crate) build_id: Option<String>,
    pub(crate) has_debug_info: bool,
    /// File name in `.gnu_debuglink`.
    pub(crate) debug_link: Option<PathBuf>,
    /// Path and build id in `.gnu_debugaltlink`: what several debug files share.
    pub(crate) shared_debug_link: Option<(PathBuf, String)>,
    pub(crate) modified: Option<SystemTime>,
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    file_offset: u64,
    file_size: u64,
    address: u64,
    executable: bool,
}

impl Binary {
    /// Reads the headers of the file at `path`. The error says what is wrong, without the path.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        // Asked before it is opened: opening a pipe would wait for someone to write to it.
        if !metadata.is_file() {
            return Err("not a regular file".to_owned());
        }
        let file = File::open(path).map_err(|error| error.to_string())?;
        let cache = ReadCache::new(file);
        let object =
            object::File::parse(&cache).map_err(|error| format!("damaged or no binary ({error})"))?;
        let damaged = |error: object::Error| format!("damaged ({error})");
        // addr2line takes it for granted that sections have readable names.
        for section in object.sections() {
            section.name().map_err(damaged)?;
        }
        let build_id = match object.build_id().map_err(damaged)? {
            Some(id) => Some(hex(id)),
            None => object.mach_uuid().map_err(damaged)?.map(|id| hex(&id)),
        };
        Ok(Self {
            path: path.to_owned(),
            build_id,
            has_debug_info: object.section_by_name(".debug_info").is_some_and(|it| it.size() > 0),
            debug_link: object.gnu_debuglink().map_err(damaged)?.and_then(|(name, _)| file_name(name)),
            shared_debug_link: object
                .gnu_debugaltlink()
                .map_err(damaged)?
                .map(|(path, id)| (PathBuf::from(String::from_utf8_lossy(path).as_ref()), hex(id))),
            modified: metadata.modified().ok(),
            segments: object.segments().map(|segment| Segment::new(&segment)).collect(),
        })
    }

    /// The address that the file's own tables use for the byte at `file_offset`; `None` outside the loaded parts.
    pub(crate) fn virtual_address(&self, file_offset: u64) -> Option<u64> {
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

    /// Whether the file itself holds code: the parts of a debug file that would be loaded are cut out.
    pub(crate) fn has_code(&self) -> bool {
        self.segments.iter().any(|it| it.executable && it.file_size > 0)
    }

    /// Whether this is the build with this id (in hexadecimal).
    pub(crate) fn is_build(&self, id: &str) -> bool {
        self.build_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
    }
}

impl Segment {
    fn new<'data>(segment: &impl ObjectSegment<'data>) -> Self {
        let (file_offset, file_size) = segment.file_range();
        let executable = match segment.flags() {
            SegmentFlags::Elf { p_flags, .. } => p_flags.0 & elf::PF_X.0 != 0,
            _ => false,
        };
        Self { file_offset, file_size, address: segment.address(), executable }
    }
}

/// A link is a plain file name; anything else could lead anywhere.
fn file_name(name: &[u8]) -> Option<PathBuf> {
    Path::new(String::from_utf8_lossy(name).as_ref()).file_name().map(PathBuf::from)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
