//! One module per file format, and who reads and writes which. A format knows the model and nothing else.

#[cfg(feature = "formats")]
mod by_stack;
#[cfg(feature = "formats")]
mod callgrind;
#[cfg(feature = "formats")]
mod columns;
#[cfg(feature = "formats")]
mod csv;
#[cfg(feature = "formats")]
mod dhat;
#[cfg(feature = "formats")]
mod document;
#[cfg(feature = "formats")]
mod folded;
#[cfg(feature = "formats")]
mod frames;
pub mod go_text;
#[cfg(feature = "formats")]
mod gperftools;
#[cfg(feature = "formats")]
mod heaptrack;
#[cfg(feature = "formats")]
mod jemalloc;
#[cfg(feature = "formats")]
mod json;
#[cfg(feature = "formats")]
mod legacy_heap;
#[cfg(feature = "formats")]
mod memray;
#[cfg(feature = "formats")]
mod native;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pprof;
#[cfg(feature = "formats")]
mod speedscope;
#[cfg(feature = "formats")]
mod text;
#[cfg(feature = "formats")]
mod tree;

use std::io::{self, Write};

use crate::{Format, Limits, Profile, ReadError};

/// Reads the unpacked content of a file of this format.
///
/// # Errors
/// When the content makes no sense, or takes more memory than allowed.
pub(crate) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    match format {
        Format::Pprof => pprof::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Jemalloc => jemalloc::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Gperftools => gperftools::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::GoText => go_text::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::MemrayCsv => memray::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Folded => folded::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Dhat => dhat::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Heaptrack => heaptrack::decode(bytes, limits),
        #[cfg(feature = "formats")]
        Format::Speedscope => speedscope::decode(bytes, limits),
        format => Err(ReadError::NotBuiltIn { format }),
    }
}

/// Writes `profile` in this format, gzipped where the format is always so (pprof).
///
/// Formats with one value for each stack (folded, speedscope, callgrind's first event) take the profile's default
/// sample type.
///
/// # Errors
/// Those of `out`, and [`io::ErrorKind::Unsupported`] for a format that cannot be written ([`Format::can_write`]).
pub fn write(format: Format, profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Pprof => pprof::write(profile, out),
        #[cfg(feature = "formats")]
        Format::Folded => folded::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Dhat => dhat::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Speedscope => speedscope::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Callgrind => callgrind::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Json => document::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Csv => csv::encode(profile, out),
        format => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{} cannot be written by this program", format.title()),
        )),
    }
}
