//! Messages for the person who runs the tests. They pass libtest's capturing, which shows output of failed
//! tests only.

use std::io::{self, Write};

/// Writes `text` to stderr at once, so that it stays together among what other threads and processes write.
pub(crate) fn say(text: &str) {
    // There is nobody left to tell when stderr is closed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
