//! One module per file format, and who reads and writes which. A format knows the model and nothing else.

pub mod go_text;
mod kinds;
pub(crate) mod list;
#[cfg(feature = "formats")]
pub(crate) mod others;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pprof;
mod written;

pub use written::Written;

use std::io::{self, Write};

use crate::format::list::Format;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// Reads the unpacked content of a file of this format.
///
/// # Errors
/// When the content makes no sense, or takes more memory than allowed.
pub(crate) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    if format == Format::Pprof {
        return pprof::decode(bytes, limits);
    }
    #[cfg(feature = "formats")]
    return others::decode(format, bytes, limits);
    #[cfg(not(feature = "formats"))]
    Err(ReadError::NotBuiltIn { format })
}

/// Writes `profile` in this format, gzipped where the format is always so (pprof), and says what was written.
///
/// Formats with one value for each stack (folded, speedscope, callgrind's first event) take the profile's
/// default sample type.
///
/// # Errors
/// The errors of `out`, and [`io::ErrorKind::Unsupported`] for a format that cannot be written
/// ([`Format::can_write`]).
pub fn write(format: Format, profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    if format == Format::Pprof {
        return pprof::encode(profile, out);
    }
    #[cfg(feature = "formats")]
    if let Some(encode) = others::writer(format) {
        return encode(profile, out);
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{} cannot be written by this program", format.title()),
    ))
}
