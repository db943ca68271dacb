//! The part of a request behind the `?`.

use std::time::Duration;

use crate::reply::Refusal;

/// The longest time that a request may look at, in seconds.
pub(crate) const MAX_SECONDS: u64 = 300;

/// The parameters of a request. Numbers and plain words are all that is asked for, so nothing in them is encoded.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a>(pub &'a str);

impl<'a> Query<'a> {
    /// The value of a parameter; the first one when it is given more than once.
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// `seconds=N`; `None` when it is absent or 0.
    ///
    /// # Errors
    /// When it is no number, or too large.
    pub(crate) fn seconds(self) -> Result<Option<Duration>, Refusal> {
        match self.number("seconds", MAX_SECONDS)? {
            0 => Ok(None),
            seconds => Ok(Some(Duration::from_secs(seconds))),
        }
    }

    /// `debug=1`, or more.
    ///
    /// # Errors
    /// When it is no number, or too large.
    pub(crate) fn is_text(self) -> Result<bool, Refusal> {
        self.number("debug", 2).map(|level| level > 0)
    }

    fn number(self, name: &str, most: u64) -> Result<u64, Refusal> {
        let Some(value) = self.get(name) else { return Ok(0) };
        match value.parse() {
            Ok(number) if number <= most => Ok(number),
            _ => Err(Refusal::bad(format!("`{name}` is a whole number from 0 to {most}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_bounded() {
        let seconds = |query| Query(query).seconds().ok();
        assert_eq!(seconds(""), Some(None));
        assert_eq!(seconds("seconds=0"), Some(None));
        assert_eq!(seconds("gc=1&seconds=300"), Some(Some(Duration::from_secs(300))));
        for bad in ["seconds=", "seconds=301", "seconds=-1", "seconds=1e3", "seconds=99999999999999999999"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(seconds("xseconds=5&secondsx=5"), Some(None));
    }

    #[test]
    fn text_is_asked_for_by_number() {
        assert_eq!(Query("debug=1").is_text().ok(), Some(true));
        assert_eq!(Query("debug=0").is_text().ok(), Some(false));
        assert!(Query("debug=yes").is_text().is_err());
    }
}
