//! A fault that is found once all of a file was read.

use crate::read_error::ReadError;

/// What shows only when everything has been read.
#[derive(Debug)]
pub(super) enum Late {
    /// In the `index`th field with this number.
    In {
        number: u64,
        index: usize,
        field: String,
        reason: String,
    },
    Other(ReadError),
}
