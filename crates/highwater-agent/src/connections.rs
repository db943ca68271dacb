//! The open connections, and which of them is closed when a new one comes.
//!
//! A client that sends nothing, or reads its answer slowly, blocks only its own connection. The connection
//! lasts until its time is over, or until a new client needs its place: then the connection that has been
//! silent for longest is closed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::client_bounds::{ANSWER_TIME, HEAD_TIME};

/// The progress of a connection's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request has not been read completely.
    Reading,
    /// The request is being processed; processing bounds its own time.
    Working,
    /// The answer is being sent.
    Answering,
}

/// The phase of a connection. The connection sets it, and the server reads it.
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

/// The open connections, oldest first.
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

    /// Closes connections whose time is over. Returns their number.
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

    /// Makes a slot for one more connection, if necessary by closing one that is still silent. [`Slot::None`]
    /// if no connection is silent.
    pub(crate) fn make_slot(&mut self) -> Slot {
        if self.open.len() < self.most {
            return Slot::Free;
        }
        let silent = self.open.iter().position(|(pace, _)| pace.get().0 == Phase::Reading);
        match silent.and_then(|index| self.open.remove(index)) {
            Some((_, task)) => {
                task.abort();
                Slot::Made
            }
            None => Slot::None,
        }
    }

    /// Adds the connection that `start` begins.
    pub(crate) fn add(&mut self, start: impl FnOnce(Pace) -> AbortHandle) {
        let pace = Pace::new(Instant::now());
        let task = start(pace.clone());
        self.open.push_back((pace, task));
    }
}

/// The result of [`Connections::make_slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Free,
    /// Another connection was closed.
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
    fn the_oldest_silent_connection_is_closed() {
        in_runtime(|| {
            let mut connections = Connections::new(3);
            let paces: Vec<_> = (0..3).map(|_| add(&mut connections).0).collect();
            paces[0].begin_work();
            assert_eq!(connections.make_slot(), Slot::Made);
            assert!(Arc::ptr_eq(&connections.open[0].0.0, &paces[0].0));
            assert!(Arc::ptr_eq(&connections.open[1].0.0, &paces[2].0));
            assert_eq!(connections.make_slot(), Slot::Free);
        });
    }

    #[test]
    fn working_connections_are_not_closed() {
        in_runtime(|| {
            let mut connections = Connections::new(2);
            add(&mut connections).0.begin_work();
            add(&mut connections).0.begin_answer();
            assert_eq!(connections.make_slot(), Slot::None);
            assert_eq!(connections.open.len(), 2);
        });
    }

    #[test]
    fn only_silent_clients_and_slow_readers_time_out() {
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
