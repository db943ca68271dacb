//! Text from hostile input, which may stand for more than there is memory for.

use std::fmt;

/// Text that fails to grow beyond a limit: a short mangled name can stand for one without end.
///
/// ```
/// use std::fmt::Write;
///
/// let mut text = highwater_profile::BoundedText::new(5);
/// assert!(text.write_str("heap").is_ok());
/// assert!(text.write_str("heap").is_err());
/// assert_eq!(text.into_string(), "heap");
/// ```
#[derive(Clone, Debug)]
pub struct BoundedText {
    text: String,
    limit_bytes: usize,
}

impl BoundedText {
    /// No text yet, and at most this many bytes ever.
    pub fn new(limit_bytes: usize) -> Self {
        Self { text: String::new(), limit_bytes }
    }

    /// What was written.
    pub fn into_string(self) -> String {
        self.text
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.limit_bytes - self.text.len() {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
