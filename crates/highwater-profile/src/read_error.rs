//! Why a file could not be read as a profile.

use std::fmt;

use crate::format::list::Format;
use crate::meta::Meta;

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
    /// The data unpacks to more than [`Limits::max_unpacked_bytes`](crate::Limits::max_unpacked_bytes).
    #[error("the file unpacks to more than {limit_bytes} bytes; raise the limit if it is to be trusted")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// Reading takes more memory than [`Limits::max_memory_bytes`](crate::Limits::max_memory_bytes).
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
    let is_built_in = |it: &Format| cfg!(feature = "formats") || *it == Format::Pprof;
    let readable = Format::ALL.into_iter().filter(|it| it.can_read() && is_built_in(it));
    readable.map(Format::name).collect::<Vec<_>>().join(", ")
}
