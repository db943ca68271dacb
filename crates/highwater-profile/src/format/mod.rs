//! One module per file format, and who reads and writes which. A format knows the model and nothing else.

#[cfg(feature = "formats")]
mod by_stack;
#[cfg(feature = "formats")]
mod callgrind;
#[cfg(feature = "formats")]
mod columns;
#[cfg(feature = "formats")]
pub mod csv;
#[cfg(feature = "formats")]
mod dhat;
#[cfg(feature = "formats")]
mod document;
#[cfg(feature = "formats")]
mod folded;
#[cfg(feature = "formats")]
mod frame_text;
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
mod json_tokens;
mod kinds;
#[cfg(feature = "formats")]
mod leak_report;
#[cfg(feature = "formats")]
mod legacy_heap;
#[cfg(feature = "formats")]
mod lsan;
#[cfg(feature = "formats")]
mod massif;
#[cfg(feature = "formats")]
mod memcheck;
#[cfg(feature = "formats")]
mod memray;
#[cfg(feature = "formats")]
mod native;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "formats")]
pub(crate) mod otlp_decode;
#[cfg(feature = "formats")]
mod places;
pub mod pprof;
#[cfg(feature = "formats")]
mod speedscope;
#[cfg(feature = "formats")]
pub(crate) mod symbolized;
#[cfg(feature = "formats")]
mod text;
#[cfg(feature = "formats")]
mod tree;
#[cfg(feature = "formats")]
mod v8;
mod written;

pub use written::Written;

#[cfg(feature = "formats")]
use std::borrow::Cow;
use std::io::{self, Write};

#[cfg(feature = "formats")]
use crate::utf8;
use crate::{Format, Limits, Profile, ReadError};

/// Reads the unpacked content of a file of this format.
///
/// # Errors
/// When the content makes no sense, or takes more memory than allowed.
pub(crate) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    if format == Format::Pprof {
        return pprof::decode(bytes, limits);
    }
    #[cfg(feature = "formats")]
    return decode_other(format, bytes, limits);
    #[cfg(not(feature = "formats"))]
    Err(ReadError::NotBuiltIn { format })
}

/// Reads a format of text, which need not be UTF-8.
#[cfg(feature = "formats")]
fn decode_other(format: Format, bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    if format == Format::Otlp {
        let mut profile = otlp_decode::decode(bytes, limits)?;
        kinds::unify(&mut profile);
        return Ok(profile);
    }
    let text = utf8::content(format, bytes);
    if matches!(text, Cow::Owned(_)) {
        limits.check((bytes.len() + text.len()) as u64)?;
    }
    let (names, text) = symbolized::split(&text);
    let mut profile = match format {
        Format::Jemalloc => jemalloc::decode(text, limits),
        Format::Gperftools => gperftools::decode(text, limits),
        Format::GoText => go_text::decode(text, limits),
        Format::MemrayCsv => memray::decode(text, limits),
        Format::Folded => folded::decode(text, limits),
        Format::Dhat => dhat::decode(text, limits),
        Format::Heaptrack => heaptrack::decode(text, limits),
        Format::Speedscope => speedscope::decode(text, limits),
        Format::V8 => v8::decode(text, limits),
        Format::Massif => massif::decode(text, limits),
        Format::Memcheck => memcheck::decode(text, limits),
        Format::LeakSanitizer => lsan::decode(text, limits),
        format => Err(ReadError::NotBuiltIn { format }),
    }?;
    symbolized::apply(&names, &mut profile);
    kinds::unify(&mut profile);
    Ok(profile)
}

/// Writes `profile` in this format, gzipped where the format is always so (pprof), and says what was written.
///
/// Formats with one value for each stack (folded, speedscope, callgrind's first event) take the profile's default
/// sample type.
///
/// # Errors
/// Those of `out`, and [`io::ErrorKind::Unsupported`] for a format that cannot be written ([`Format::can_write`]).
pub fn write(format: Format, profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    match format {
        Format::Pprof => pprof::write(profile, out).map(|()| Written::whole(profile)),
        #[cfg(feature = "formats")]
        Format::Folded => folded::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Dhat => dhat::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Speedscope => speedscope::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Callgrind => callgrind::encode(profile, out),
        #[cfg(feature = "formats")]
        Format::Json => document::encode(profile, out).map(|()| Written::whole(profile)),
        #[cfg(feature = "formats")]
        Format::Csv => csv::write(profile, None, out),
        format => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{} cannot be written by this program", format.title()),
        )),
    }
}
