//! Unpacking gzip and zstd up to a limit: a small file must not fill the memory.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::limits::Limits;
use crate::read_error::ReadError;

/// The content of a file, unpacked if it is packed. One layer is taken off, as no tool puts on two.
///
/// # Errors
/// When the packed data is cut off or damaged, or unpacks to more than the limit allows.
pub(crate) fn unpack<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, ReadError> {
    let unpacked = match bytes {
        [] => return Err(ReadError::Empty),
        [0x1f, 0x8b, 0x08, ..] => gunzip(bytes, limits)?,
        [0x1f, 0x8b] | [0x1f] => return Err(ReadError::Truncated { unpacked_bytes: 0 }),
        [0x1f, 0x8b, ..] => {
            return Err(ReadError::UnknownFormat {
                found: "gzip with an unknown compression method".to_owned(),
            });
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unzstd(bytes, limits)?,
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    if unpacked.is_empty() { Err(ReadError::Empty) } else { Ok(Cow::Owned(unpacked)) }
}

fn gunzip(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ReadError> {
    let mut unpacked = Vec::new();
    let outcome = fill(&mut unpacked, MultiGzDecoder::new(bytes), limits)?;
    let unpacked_bytes = unpacked.len() as u64;
    match outcome {
        Ok(()) => Ok(unpacked),
        Err(error) => Err(gzip_error(&error, unpacked_bytes)),
    }
}

/// The unpacked members of a gzip file with several of them; `None` when it is not one.
pub(crate) fn members(bytes: &[u8], limits: &Limits) -> Option<Vec<Vec<u8>>> {
    let (mut rest, mut members, mut unpacked_bytes) = (bytes, Vec::new(), 0);
    while rest.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        let mut member = Vec::new();
        let left = limits.unpacked_bytes().checked_sub(unpacked_bytes)?;
        decoder.by_ref().take(left.saturating_add(1)).read_to_end(&mut member).ok()?;
        unpacked_bytes += member.len() as u64;
        rest = decoder.into_inner();
        members.push(member);
    }
    (members.len() > 1 && unpacked_bytes <= limits.unpacked_bytes()).then_some(members)
}

/// What the decompressor's error means to a person who has the file.
pub(crate) fn gzip_error(error: &io::Error, unpacked_bytes: u64) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Truncated { unpacked_bytes },
        _ => ReadError::Damaged { unpacked_bytes, reason: error.to_string() },
    }
}

/// Appends what `packed` unpacks to. The inner result is the decompressor's.
///
/// # Errors
/// When there is more than the limit allows.
fn fill(unpacked: &mut Vec<u8>, packed: impl Read, limits: &Limits) -> Result<io::Result<()>, ReadError> {
    let limit_bytes = limits.unpacked_bytes();
    let left = limit_bytes.saturating_sub(unpacked.len() as u64);
    let outcome = packed.take(left.saturating_add(1)).read_to_end(unpacked);
    if unpacked.len() as u64 > limit_bytes {
        return Err(ReadError::TooLarge { limit_bytes });
    }
    Ok(outcome.map(|_| ()))
}

#[cfg(not(feature = "formats"))]
fn unzstd(_: &[u8], _: &Limits) -> Result<Vec<u8>, ReadError> {
    Err(ReadError::UnknownFormat { found: "zstd-compressed data".to_owned() })
}

/// Every zstd decompressor has to grant a frame a window of 8 MiB.
#[cfg(feature = "formats")]
const SMALL_WINDOW: u64 = 8 << 20;

#[cfg(feature = "formats")]
fn unzstd(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ReadError> {
    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    use ruzstd::decoding::{DEFAULT_MAX_WINDOW_SIZE, StreamingDecoder};

    let window = DEFAULT_MAX_WINDOW_SIZE.min(limits.unpacked_bytes().max(SMALL_WINDOW));
    let mut unpacked = Vec::new();
    let mut rest = bytes;
    // A file is a sequence of frames. Some frames only carry remarks for other programs.
    while !rest.is_empty() {
        let unpacked_bytes = unpacked.len() as u64;
        let mut decoder = match StreamingDecoder::new_with_max_window_size(&mut rest, window) {
            Ok(decoder) => decoder,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                rest = rest.get(length as usize..).ok_or(ReadError::Truncated { unpacked_bytes })?;
                continue;
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                return Err(ReadError::TooLarge { limit_bytes: window });
            }
            Err(error) => return Err(damaged(rest, unpacked_bytes, error.to_string())),
        };
        let outcome = fill(&mut unpacked, &mut decoder, limits)?;
        let decoder = decoder.into_frame_decoder();
        let found_bytes = unpacked.len() as u64;
        let damage =
            |reason: &str| ReadError::Damaged { unpacked_bytes: found_bytes, reason: reason.to_owned() };
        if let Err(error) = outcome {
            return Err(damaged(rest, found_bytes, error.to_string()));
        }
        // 0 is also what a frame that states no length has.
        if ![0, found_bytes - unpacked_bytes].contains(&decoder.content_size()) {
            return Err(damage("the length differs"));
        }
        match (decoder.get_checksum_from_data(), decoder.get_calculated_checksum()) {
            (Some(stated), Some(found)) if stated != found => return Err(damage("the checksum differs")),
            _ => {}
        }
    }
    Ok(unpacked)
}

/// The decompressor does not tell an early end from damage; that nothing is left to be read does.
#[cfg(feature = "formats")]
fn damaged(rest: &[u8], unpacked_bytes: u64, reason: String) -> ReadError {
    if rest.is_empty() {
        ReadError::Truncated { unpacked_bytes }
    } else {
        ReadError::Damaged { unpacked_bytes, reason }
    }
}
