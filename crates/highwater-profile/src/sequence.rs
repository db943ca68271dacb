//! Numbers in the names of files, so that the names sort in the order in which the files were made, whatever
//! the clock does.

use std::time::{SystemTime, UNIX_EPOCH};

/// A number that only grows: milliseconds since 1970 as long as the clock goes forward, and one more than the
/// last number where it stands still or was set back. So a name shows the time, and the order does not depend
/// on it.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    last: u64,
}

impl Sequence {
    /// Digits in a name, so that names sort as numbers do.
    pub const DIGITS: usize = 13;

    /// Continues behind the greatest of the numbers that are there.
    pub fn behind(numbers: impl IntoIterator<Item = u64>) -> Self {
        Self { last: numbers.into_iter().max().unwrap_or(0) }
    }

    /// The number in a name that begins with `prefix` and has `suffix` behind the number; `None` for any
    /// other name.
    pub fn of(name: &str, prefix: &str, suffix: &str) -> Option<u64> {
        let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let is_own = digits.len() >= Self::DIGITS && digits.bytes().all(|it| it.is_ascii_digit());
        digits.parse().ok().filter(|_| is_own)
    }

    /// The next number.
    pub fn next_now(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.next_at(u64::try_from(now).unwrap_or(u64::MAX))
    }

    /// The next number when the clock shows this many milliseconds.
    pub fn next_at(&mut self, now_ms: u64) -> u64 {
        self.last = now_ms.max(self.last.saturating_add(1));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_when_the_clock_goes_back() {
        let mut sequence = Sequence::behind([7_000, 3]);
        assert_eq!(
            [7_000, 9_000, 9_000, 5_400, 9_004].map(|it| sequence.next_at(it)),
            [7_001, 9_000, 9_001, 9_002, 9_004]
        );
        assert!(Sequence::behind([]).next_now() > 1_600_000_000_000);
    }

    #[test]
    fn other_names_have_no_number() {
        let of = |name| Sequence::of(name, "heap-", ".pb.gz");
        assert_eq!(of("heap-1000000000001.pb.gz"), Some(1_000_000_000_001));
        for name in
            ["heap-1.pb.gz", "heap-100000000000x.pb.gz", "heap-1000000000001.gz", "notes", "heap-.pb.gz"]
        {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
