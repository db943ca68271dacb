//! Reading a profile whatever its format: the content decides, never the file's name.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::{Meta, Profile, pprof};

/// What reading may cost. Input files are not trusted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that a compressed file may unpack to. Default 1 GiB.
    pub max_unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_unpacked_bytes: 1 << 30 }
    }
}

/// Why bytes could not be read as a profile. Offsets count from the start of the unpacked data unless said
/// otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in the file.
    #[error("the file is empty; a profile that was being written when its process died looks like this")]
    Empty,
    /// The content is none of the formats that this crate reads.
    #[error("this is not a heap profile: {found}; a pprof profile (.pb.gz) is expected")]
    UnknownFormat {
        /// What the first bytes look like.
        found: &'static str,
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
    /// The unpacked data is no valid protobuf message.
    #[error("not a valid pprof message at byte {offset} of the unpacked data: {reason}")]
    Malformed {
        /// Where decoding stopped.
        offset: usize,
        /// The field and what is wrong with it.
        reason: String,
    },
    /// The message is valid, but its tables contradict each other.
    #[error("inconsistent pprof data in {field}: {reason}")]
    Inconsistent {
        /// The field, with its position: `sample[3].location_id[0]`.
        field: String,
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

/// Reads a profile from the content of a file, compressed or not.
///
/// # Errors
/// A [`ReadError`] that says what is wrong and where.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    match bytes {
        [] => Err(ReadError::Empty),
        [0x1f, 0x8b, 0x08, ..] => pprof::decode(&gunzip(bytes, limits)?),
        [0x1f, 0x8b] | [0x1f] => Err(ReadError::Truncated { unpacked_bytes: 0 }),
        [0x1f, 0x8b, ..] => {
            Err(ReadError::UnknownFormat { found: "gzip with an unknown compression method" })
        }
        // A serialized profile begins with field 1 (sample_type), length-delimited.
        [0x0a, rest @ ..] if !rest.is_ascii() => pprof::decode(bytes),
        [0x0a, ..] => pprof::decode(bytes).map_err(|_| ReadError::UnknownFormat { found: "plain text" }),
        _ => Err(ReadError::UnknownFormat { found: describe(bytes) }),
    }
}

/// Names what is commonly given to a profiler by mistake.
fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd-compressed data",
        [0x7f, b'E', b'L', b'F', ..] => "an ELF binary",
        [b'{', ..] => "JSON",
        [b'<', ..] => "HTML, XML or SVG",
        _ if bytes.iter().take(512).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "plain text"
        }
        _ => "binary data of an unknown kind",
    }
}

fn gunzip(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ReadError> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limits.max_unpacked_bytes.saturating_add(1));
    let outcome = decoder.read_to_end(&mut unpacked);
    let unpacked_bytes = unpacked.len() as u64;
    if unpacked_bytes > limits.max_unpacked_bytes {
        return Err(ReadError::TooLarge { limit_bytes: limits.max_unpacked_bytes });
    }
    match outcome {
        Ok(0) => Err(ReadError::Empty),
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ReadError::Truncated { unpacked_bytes })
        }
        Err(error) => Err(ReadError::Damaged { unpacked_bytes, reason: error.to_string() }),
    }
}
