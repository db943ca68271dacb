//! Every format but pprof: their readers and writers, found by the rows of the table.
//!
//! The recorder does without them, since what it links becomes part of every program that it watches.

mod beginning;
mod by_stack;
mod callgrind;
mod columns;
mod content;
pub mod csv;
mod dhat;
mod document;
mod folded;
mod frame_text;
mod frames;
mod go_text;
mod gperftools;
mod heaptrack;
mod jemalloc;
mod json;
mod json_tokens;
mod leak_report;
mod legacy_heap;
mod lsan;
mod massif;
mod memcheck;
mod memray;
mod native;
mod otlp_decode;
mod places;
mod speedscope;
mod symbolized;
mod text;
mod tree;
mod v8;

use std::borrow::Cow;
use std::io::{self, Write};

use super::kinds;
use super::list::each_format;
use super::pprof;
use super::written::Written;
use crate::format::list::Format;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::read_error::ReadError;
use crate::utf8::is_text;

/// What the content of a format is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A message of a protocol buffer.
    Binary,
    /// Text, which need not be UTF-8. Names may stand in front of it, see [`symbolized`].
    Text,
    /// An object in JSON.
    Json,
}

/// How sure one can be of a format.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// It has marks that no other format has.
    Sure,
    /// What tells it may stand in files of other formats, so it is asked last.
    Vague,
}

/// Reads the files of a format.
struct Reader {
    content: Content,
    certainty: Certainty,
    detect: fn(&[u8]) -> bool,
    decode: fn(&[u8], &Limits) -> Result<Profile, ReadError>,
}

type Encode = fn(&Profile, &mut dyn Write) -> io::Result<Written>;

macro_rules! reader {
    ([]) => {
        None
    };
    ([$content:ident, $certainty:ident, $detect:path, $decode:path]) => {
        Some(&Reader {
            content: Content::$content,
            certainty: Certainty::$certainty,
            detect: $detect,
            decode: $decode,
        })
    };
}

macro_rules! writer {
    ([]) => {
        None
    };
    ([$encode:path]) => {
        Some($encode)
    };
}

macro_rules! functions {
    ($($(#[$doc:meta])* $format:ident {
        name: $name:literal, title: $title:literal, files: $files:tt, read: $read:tt, write: $write:tt,
    })*) => {
        fn reader(format: Format) -> Option<&'static Reader> {
            match format {
                $(Format::$format => reader!($read),)*
            }
        }

        /// The function that writes files of this format, where they can be written.
        pub(super) fn writer(format: Format) -> Option<Encode> {
            match format {
                $(Format::$format => writer!($write),)*
            }
        }
    };
}

each_format!(functions);

/// The format of a file's unpacked content.
pub(crate) fn detect(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    let text = symbolized::split(text).1.trim_ascii_start();
    let is_there = |content: Content| match content {
        Content::Binary => !is_text(bytes),
        Content::Json => is_text(bytes) && text.starts_with(b"{"),
        Content::Text => is_text(bytes) && !text.starts_with(b"{"),
    };
    let knows = |reader: &Reader| {
        let content = if reader.content == Content::Binary { bytes } else { text };
        is_there(reader.content) && (reader.detect)(content)
    };
    [Certainty::Sure, Certainty::Vague].into_iter().find_map(|certainty| {
        let is_it = |it: &Format| reader(*it).is_some_and(|it| it.certainty == certainty && knows(it));
        Format::ALL.into_iter().find(is_it)
    })
}

/// Reads the unpacked content of a file of this format.
///
/// # Errors
/// When the content makes no sense, or takes more memory than allowed.
pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let reader = reader(format).ok_or(ReadError::NotBuiltIn { format })?;
    let content = match reader.content {
        Content::Binary => Cow::Borrowed(bytes),
        Content::Text => content::text(bytes),
        Content::Json => content::json(bytes),
    };
    if matches!(content, Cow::Owned(_)) {
        limits.check((bytes.len() + content.len()) as u64)?;
    }
    let (names, content) = match reader.content {
        Content::Text => symbolized::split(&content),
        Content::Binary | Content::Json => (symbolized::Names::new(), &*content),
    };
    let mut profile = (reader.decode)(content, limits)?;
    symbolized::apply(&names, &mut profile);
    kinds::unify(&mut profile);
    Ok(profile)
}
