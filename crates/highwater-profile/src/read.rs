//! Reading a profile whatever its format: the content decides, never the file's name.

use std::borrow::Cow;

use crate::describe::describe;
use crate::format;
use crate::format::list::Format;
use crate::format::pprof;
use crate::limits::Limits;
use crate::merge::merge;
use crate::profile::Profile;
use crate::read_error::ReadError;
use crate::stream;
use crate::unpack::{self, unpack};

/// What some editors put before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a profile from the content of a file, packed with gzip or zstd or not at all. [`Profile::source`]
/// says which format it was.
///
/// # Errors
/// A [`ReadError`] that says what is wrong and where.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    read_one(bytes, limits).or_else(|error| match error {
        // Ids that are used twice may belong to two profiles.
        ReadError::Inconsistent { .. } => all_members(bytes, limits).ok_or(error),
        error => Err(error),
    })
}

/// Profiles one behind the other, each gzipped, as `cat a.pb.gz b.pb.gz` gives them, added up; `None` when
/// the file is not that.
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
    if bytes.len() >= stream::WORTHWHILE && is_packed_pprof(bytes) {
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

/// Whether a file that begins with `packed` is gzipped pprof.
pub(crate) fn is_packed_pprof(packed: &[u8]) -> bool {
    stream::gzip_head(packed).and_then(|head| Format::detect(&head)) == Some(Format::Pprof)
}
