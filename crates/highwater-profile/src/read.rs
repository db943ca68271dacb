//! Reading a profile whatever its format: the content decides, never the file's name.

use std::borrow::Cow;
use std::fmt;

use crate::describe::describe;
use crate::unpack::{self, unpack};
use crate::{Format, Meta, Profile, format, merge, pprof, stream};

/// What some editors put before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What reading may cost. Input files are not trusted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that a compressed file may unpack to. Default 1 GiB.
    pub max_unpacked_bytes: u64,
    /// Bytes of memory that reading may take, the unpacked data included. Default 8 GiB.
    ///
    /// Readers ask [`Limits::check`] as the profile grows. What a table reserves ahead, and what one row needs for
    /// itself, comes on top: the process may be larger by a few megabytes and by a fraction of the limit, never by a
    /// multiple.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_unpacked_bytes: 1 << 30, max_memory_bytes: 8 << 30 }
    }
}

impl Limits {
    /// Frames that a stack may have. Deeper ones are a fault of the file: no recorder keeps so many.
    pub const MAX_STACK_FRAMES: usize = 1 << 16;

    /// How far a file may be unpacked: both limits hold.
    pub fn unpacked_bytes(&self) -> u64 {
        self.max_unpacked_bytes.min(self.max_memory_bytes)
    }

    /// Says whether reading may go on when `used_bytes` are in use. Unpacked data, `profile` so far
    /// ([`Profile::heap_bytes`]) and what the reader keeps beside it count.
    ///
    /// # Errors
    /// [`ReadError::OutOfMemory`] beyond the limit.
    pub fn check(&self, used_bytes: u64) -> Result<(), ReadError> {
        if used_bytes > self.max_memory_bytes {
            return Err(ReadError::OutOfMemory { limit_bytes: self.max_memory_bytes });
        }
        Ok(())
    }
}

/// Why bytes could not be read as a profile. Offsets count from the start of the unpacked data unless said
/// otherwise.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in the file.
    #[error("the file is empty; a profile that was being written when its process died looks like this")]
    Empty,
    /// The content is none of the formats that this crate reads.
    #[error("this is not a heap profile: {found}; the formats that are read are {}", readable())]
    UnknownFormat {
        /// What the first bytes look like.
        found: String,
    },
    /// The compressed data ends too early.
    #[error("the compressed data is cut off after {unpacked_bytes} unpacked bytes; copy the file again")]
    Truncated {
        /// Bytes that could be unpacked.
        unpacked_bytes: u64,
    },
    /// The compressed data is damaged.
    #[error(
        "the compressed data is damaged behind {unpacked_bytes} unpacked bytes ({reason}); copy the file again"
    )]
    Damaged {
        /// Bytes that could be unpacked.
        unpacked_bytes: u64,
        /// What the decompressor said.
        reason: String,
    },
    /// The data unpacks to more than [`Limits::max_unpacked_bytes`].
    #[error("the file unpacks to more than {limit_bytes} bytes; raise the limit if it is to be trusted")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// Reading takes more memory than [`Limits::max_memory_bytes`].
    #[error(
        "reading the file takes more than {limit_bytes} bytes of memory; raise the limit if it is to be trusted"
    )]
    OutOfMemory {
        /// The limit.
        limit_bytes: u64,
    },
    /// A line of a text format makes no sense.
    #[error("this {format} is not valid: line {line}: {reason}")]
    Line {
        /// What the file was read as: [`Format::title`].
        format: &'static str,
        /// The line, counted from 1.
        line: u64,
        /// What was found, and what was expected.
        reason: String,
    },
    /// The file holds no row, and says why.
    #[error("this {format} holds nothing, and says why: {said}")]
    Nothing {
        /// What the file was read as: [`Format::title`].
        format: &'static str,
        /// What it says.
        said: String,
    },
    /// A part of a binary format makes no sense.
    #[error("this {format} is not valid: byte {offset} of the unpacked data: {reason}")]
    Binary {
        /// What the file was read as: [`Format::title`].
        format: &'static str,
        /// Where it is.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The format is not part of this build.
    #[error("this is a {}, and this program was built to read pprof profiles only", format.title())]
    NotBuiltIn {
        /// The format.
        format: Format,
    },
    /// The unpacked data is no valid protobuf message.
    #[error("not a valid pprof message at byte {offset} of the unpacked data: {reason}")]
    Malformed {
        /// Where decoding stopped.
        offset: usize,
        /// The field and what is wrong with it.
        reason: String,
    },
    /// The message is valid, but its tables contradict each other.
    #[error("inconsistent pprof data in {field}, at byte {offset} of the unpacked data: {reason}")]
    Inconsistent {
        /// The field, with its position: `sample[3].location_id[0]`.
        field: String,
        /// Where the content of the row or table entry begins that the field is of.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a later Highwater.
    #[error(
        "the profile has format version {found}, and this program reads up to {}; use a newer one",
        Meta::FORMAT
    )]
    UnknownVersion {
        /// The version that the file states.
        found: i64,
    },
}

/// The message, since that is what `main` prints of an error that it returns.
impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn readable() -> String {
    Format::ALL.into_iter().filter(|it| it.can_read()).map(Format::name).collect::<Vec<_>>().join(", ")
}

/// Reads a profile from the content of a file, packed with gzip or zstd or not at all. [`Profile::source`] says which
/// format it was.
///
/// # Errors
/// A [`ReadError`] that says what is wrong and where.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    read_one(bytes, limits).or_else(|error| match error {
        // Ids that are used twice may be those of two profiles.
        ReadError::Inconsistent { .. } => all_members(bytes, limits).ok_or(error),
        error => Err(error),
    })
}

/// Profiles one behind the other, each gzipped, as `cat a.pb.gz b.pb.gz` gives them, added up; `None` when the file is not
/// that.
pub(crate) fn all_members(bytes: &[u8], limits: &Limits) -> Option<Profile> {
    let members = unpack::members(bytes, limits)?;
    let mut profiles = Vec::with_capacity(members.len());
    for member in &members {
        let used = profiles.iter().map(Profile::heap_bytes).sum::<u64>() + bytes.len() as u64;
        limits.check(used).ok()?;
        profiles.push(read_one(member, limits).ok()?);
    }
    let mut merged = merge(&profiles).ok()?;
    merged
        .comments
        .push(format!("the file held {} profiles one behind the other, which were added up", members.len()));
    Some(merged)
}

fn read_one(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    // The native format is read while it is unpacked. Small files are not worth a thread.
    if bytes.len() >= stream::WORTHWHILE && stream::is_pprof(bytes) {
        return pprof::decode_gzip(|| Ok(bytes), limits);
    }
    let unpacked = unpack(bytes, limits)?;
    limits.check(unpacked.len() as u64)?;
    let content = unpacked.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&unpacked);
    match Format::detect(content) {
        Some(format) => format::decode(format, content, limits),
        None => {
            let packed = if matches!(unpacked, Cow::Owned(_)) { ", compressed" } else { "" };
            Err(ReadError::UnknownFormat { found: describe(content) + packed })
        }
    }
}

/// Reads a profile whose format is known, from content that is not packed.
///
/// # Errors
/// A [`ReadError`] that says what is wrong and where.
pub fn read_as(format: Format, unpacked: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    format::decode(format, unpacked, limits)
}
