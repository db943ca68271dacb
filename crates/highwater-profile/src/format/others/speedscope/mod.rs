//! speedscope's own JSON: a table of frames, and profiles of one number for each stack.
//!
//! We write one profile for each sample type, named like it, so that all of them are in one file; read again
//! they are columns of one profile.

mod decode;
mod encode;
mod values;

pub(super) use decode::{decode, detect};
pub(super) use encode::encode;

/// By what the format is known.
const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// What speedscope calls a number without a unit.
const NO_UNIT: &str = "none";
