//! Prints an error that nobody else gets.

use crate::error::Error;

/// Prints an error to standard error.
pub(super) fn complain(error: &Error) {
    eprintln!("highwater: {error}");
}
