//! The pauses between two looks at what is waited for: short at first, so that what is about to end costs
//! little time.

use std::time::Duration;

/// Pauses that double up to the longest one.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    /// The first pause.
    pub(crate) const SHORTEST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(5);

    pub(crate) fn new() -> Self {
        Self(Self::SHORTEST)
    }

    /// How long to wait until the next look.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pauses = Pauses::new();
        let all: Vec<u128> = (0..9).map(|_| pauses.next().as_micros()).collect();
        assert_eq!(all, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
