//! The connections that are open, and which of them has to go.
//!
//! A client that says nothing, or takes its answer slowly, holds its own connection and nothing else. It does so until
//! its time is over, or until a new client needs the room: then the one that has been silent for longest goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::client_bounds::{ANSWER_TIME, HEAD_TIME};

/// How far the request of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has not been heard to its end.
    Reading,
    /// It is being worked on, which bounds its time itself.
    Working,
    /// The answer is on its way.
    Answering,
}

/// The phase of a connection, told by the connection and watched from outside.
#[derive(Clone)]
pub(crate) struct Pace(Arc<Mutex<(Phase, Instant)>>);

impl Pace {
    fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new((Phase::Reading, now))))
    }

    pub(crate) fn begin_work(&self) {
        self.set(Phase::Working);
    }

    pub(crate) fn begin_answer(&self) {
        self.set(Phase::Answering);
    }

    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now());
    }

    fn get(&self) -> (Phase, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self, now: Instant) -> bool {
        let (phase, since) = self.get();
        let time = now.saturating_duration_since(since);
        match phase {
            Phase::Reading => time > HEAD_TIME,
            Phase::Working => false,
            Phase::Answering => time > ANSWER_TIME,
        }
    }
}

/// The connections that are open, the oldest first.
pub(crate) struct Connections {
    open: VecDeque<(Pace, AbortHandle)>,
    most: usize,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Self {
        Self { open: VecDeque::with_capacity(most), most }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Ends those whose time is over. Returns how many these were.
    pub(crate) fn end_overdue(&mut self, now: Instant) -> u64 {
        let mut ended = 0;
        self.open.retain(|(pace, task)| {
            if task.is_finished() {
                return false;
            }
            let is_over = pace.is_over(now);
            if is_over {
                task.abort();
                ended += 1;
            }
            !is_over
        });
        ended
    }

    /// Makes room for one more, if need be at the cost of one that is still silent. False when all are at work; then there
    /// is no room.
    pub(crate) fn make_room(&mut self) -> Room {
        if self.open.len() < self.most {
            return Room::Free;
        }
        let silent = self.open.iter().position(|(pace, _)| pace.get().0 == Phase::Reading);
        match silent.and_then(|index| self.open.remove(index)) {
            Some((_, task)) => {
                task.abort();
                Room::Made
            }
            None => Room::None,
        }
    }

    /// Takes in the connection that `start` begins.
    pub(crate) fn add(&mut self, start: impl FnOnce(Pace) -> AbortHandle) {
        let pace = Pace::new(Instant::now());
        let task = start(pace.clone());
        self.open.push_back((pace, task));
    }
}

/// Whether there is room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// Another one had to go.
    Made,
    None,
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;

    fn in_runtime(test: impl FnOnce()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { test() });
    }

    fn add(connections: &mut Connections) -> (Pace, AbortHandle) {
        let mut added = None;
        connections.add(|pace| {
            let task = tokio::spawn(pending::<()>()).abort_handle();
            added = Some((pace, task.clone()));
            task
        });
        added.unwrap()
    }

    #[test]
    fn the_oldest_silent_one_makes_room() {
        in_runtime(|| {
            let mut connections = Connections::new(3);
            let paces: Vec<_> = (0..3).map(|_| add(&mut connections).0).collect();
            paces[0].begin_work();
            assert_eq!(connections.make_room(), Room::Made);
            assert!(Arc::ptr_eq(&connections.open[0].0.0, &paces[0].0));
            assert!(Arc::ptr_eq(&connections.open[1].0.0, &paces[2].0));
            assert_eq!(connections.make_room(), Room::Free);
        });
    }

    #[test]
    fn nobody_at_work_is_sent_away() {
        in_runtime(|| {
            let mut connections = Connections::new(2);
            add(&mut connections).0.begin_work();
            add(&mut connections).0.begin_answer();
            assert_eq!(connections.make_room(), Room::None);
            assert_eq!(connections.open.len(), 2);
        });
    }

    #[test]
    fn time_is_over_for_silence_and_for_slow_takers_only() {
        in_runtime(|| {
            let mut connections = Connections::new(9);
            add(&mut connections);
            add(&mut connections).0.begin_work();
            add(&mut connections).0.begin_answer();
            let now = Instant::now();
            let second = Duration::from_secs(1);
            assert_eq!(connections.end_overdue(now + HEAD_TIME - second), 0);
            assert_eq!(connections.end_overdue(now + HEAD_TIME + second), 1);
            assert_eq!(connections.end_overdue(now + ANSWER_TIME + second), 1);
            assert_eq!(connections.end_overdue(now + 100 * ANSWER_TIME), 0);
            assert_eq!(connections.open.len(), 1);
        });
    }
}
