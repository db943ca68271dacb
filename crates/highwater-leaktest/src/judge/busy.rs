//! How busy a thread is, by the time that it has run for at the moments when it was looked at.

use std::time::{Duration, Instant};

use highwater_hooks::State;

use crate::finding::Activity;

/// What is watched for being busy is watched for this long at least.
pub(crate) const WINDOW: Duration = Duration::from_millis(100);
/// From which part of its time on a thread counts as busy: 1 in this many.
const BUSY_PART: u128 = 10;

/// How busy a thread was at the moments when it was looked at.
pub(crate) struct Watched {
    pub(crate) first: Look,
    /// One or two windows ago.
    earlier: Look,
    /// Less than a window ago.
    later: Look,
    pub(crate) last: Look,
}

/// One look.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) busy_ns: u64,
}

impl Watched {
    /// One that has been looked at once.
    pub(crate) fn from(look: Look) -> Self {
        Self { first: look, earlier: look, later: look, last: look }
    }

    /// Takes another look down.
    pub(crate) fn add(&mut self, look: Look) {
        if look.at.duration_since(self.later.at) >= WINDOW {
            self.earlier = self.later;
            self.later = look;
        }
        self.last = look;
    }

    /// Whether it was lately.
    pub(crate) fn is_busy(&self) -> bool {
        is_busy_between(self.earlier, self.last)
    }

    /// What it did since it was first looked at.
    pub(crate) fn activity(&self, state: State) -> Activity {
        if is_busy_between(self.first, self.last) {
            Activity::Busy
        } else if self.last.busy_ns == self.first.busy_ns && state != State::Running {
            Activity::Asleep
        } else {
            Activity::Waking
        }
    }
}

fn is_busy_between(from: Look, to: Look) -> bool {
    let busy_ns = u128::from(to.busy_ns.saturating_sub(from.busy_ns));
    let passed_ns = to.at.duration_since(from.at).as_nanos();
    passed_ns > 0 && busy_ns * BUSY_PART >= passed_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(looks: &[(u64, u64)]) -> Watched {
        let start = Instant::now();
        let look = |&(at_ms, busy_ms): &(u64, u64)| Look {
            at: start + Duration::from_millis(at_ms),
            busy_ns: busy_ms * 1_000_000,
        };
        let mut watched = Watched::from(look(&looks[0]));
        looks[1..].iter().for_each(|it| watched.add(look(it)));
        watched
    }

    #[test]
    fn a_thread_is_busy_while_it_runs_a_tenth_of_the_time() {
        let busy = watched(&[(0, 0), (100, 10), (200, 20)]);
        assert!(busy.is_busy());
        assert_eq!(busy.activity(State::Asleep), Activity::Busy);
        let waking = watched(&[(0, 0), (100, 1), (200, 2)]);
        assert!(!waking.is_busy());
        assert_eq!(waking.activity(State::Asleep), Activity::Waking);
        assert_eq!(watched(&[(0, 5), (500, 5)]).activity(State::Asleep), Activity::Asleep);
        assert_eq!(watched(&[(0, 5), (500, 5)]).activity(State::Running), Activity::Waking);
    }

    #[test]
    fn a_thread_that_was_busy_long_ago_is_not() {
        let settled = watched(&[(0, 0), (100, 100), (200, 200), (300, 200), (400, 200), (450, 200)]);
        assert!(!settled.is_busy());
    }

    #[test]
    fn one_look_tells_nothing() {
        assert!(!watched(&[(0, 7)]).is_busy());
    }
}
