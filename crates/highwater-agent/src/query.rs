//! The query string of a request.

use std::time::Duration;

use crate::reply::Refusal;

/// Longest time that a request may cover, in seconds.
pub(crate) const MAX_SECONDS: u64 = 300;

/// The parameters of a request. The values are numbers and plain words only, so nothing is percent-decoded.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a>(pub &'a str);

impl<'a> Query<'a> {
    /// The value of a parameter; the first one if it is given several times.
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The parameter `seconds=N`; `None` if it is absent or 0.
    ///
    /// # Errors
    /// When the value is not a number, or too large.
    pub(crate) fn seconds(self) -> Result<Option<Duration>, Refusal> {
        match self.number("seconds", MAX_SECONDS)? {
            0 => Ok(None),
            seconds => Ok(Some(Duration::from_secs(seconds))),
        }
    }

    /// Whether the parameter `debug` is 1 or more.
    ///
    /// # Errors
    /// When the value is not a number, or too large.
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
    fn a_number_requests_text() {
        assert_eq!(Query("debug=1").is_text().ok(), Some(true));
        assert_eq!(Query("debug=0").is_text().ok(), Some(false));
        assert!(Query("debug=yes").is_text().is_err());
    }
}
