//! The snapshots that a screen can go back to: the newest of them, as they came, in bounded memory.

use std::collections::VecDeque;
use std::sync::Arc;

use highwater_analyze::SnapshotTotals;
use highwater_profile::{Limits, Profile, ReadError};

/// A snapshot as it came.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Counts the snapshots, from 1.
    pub(crate) number: usize,
    /// Counts the processes that they are of, from 1.
    pub(crate) series: usize,
    /// Name of its file, or of the server.
    pub(crate) name: String,
    /// The file, byte by byte.
    pub(crate) bytes: Vec<u8>,
    pub(crate) totals: SnapshotTotals,
    /// Resident set of the process.
    pub(crate) rss_bytes: Option<i64>,
    /// Limit of the cgroup.
    pub(crate) limit_bytes: Option<i64>,
}

impl Kept {
    /// The profile, without its symbols.
    ///
    /// # Errors
    /// None that was not there when it came, unless memory has become scarce.
    pub(crate) fn profile(&self, limits: &Limits) -> Result<Profile, ReadError> {
        let mut profile = highwater_profile::read(&self.bytes, limits)?;
        // Files that do not say when they were taken were given a time when they came.
        profile.time_ns = self.totals.time_ns;
        Ok(profile)
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Most snapshots.
    pub(crate) snapshots: usize,
    /// Most bytes of all of them, of which the newest may use more than that by itself.
    pub(crate) bytes: usize,
}

/// Snapshots, oldest first; never empty.
#[derive(Debug)]
pub(crate) struct History {
    bounds: Bounds,
    all: VecDeque<Arc<Kept>>,
    bytes: usize,
}

impl History {
    /// The history that begins with this snapshot.
    pub(crate) fn new(bounds: Bounds, first: Kept) -> Self {
        let bytes = first.bytes.len();
        Self { bounds, all: VecDeque::from([Arc::new(first)]), bytes }
    }

    /// Takes in the next one, and lets the oldest go.
    pub(crate) fn push(&mut self, next: Kept) {
        self.bytes += next.bytes.len();
        self.all.push_back(Arc::new(next));
        while self.all.len() > self.bounds.snapshots.max(1)
            || (self.bytes > self.bounds.bytes && self.all.len() > 1)
        {
            self.bytes -= self.all.pop_front().map_or(0, |it| it.bytes.len());
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Bytes of all that is kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Kept>> {
        self.all.iter()
    }

    pub(crate) fn newest(&self) -> &Arc<Kept> {
        &self.all[self.all.len() - 1]
    }

    /// Position of the snapshot with this number, or of the oldest one when it is kept no longer.
    pub(crate) fn position(&self, number: usize) -> usize {
        self.all.partition_point(|it| it.number < number).min(self.all.len() - 1)
    }

    pub(crate) fn at(&self, position: usize) -> &Arc<Kept> {
        &self.all[position.min(self.all.len() - 1)]
    }

    /// The snapshots of the same process up to this position, oldest first.
    pub(crate) fn series(&self, position: usize) -> Vec<Arc<Kept>> {
        let last = self.at(position);
        let until = self.all.iter().take(position + 1);
        until.filter(|it| it.series == last.series).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::kept;
    use super::*;

    #[test]
    fn the_oldest_go_by_number_and_by_size() {
        let snapshot = |number, bytes| Kept { bytes: vec![0; bytes], ..kept(number) };
        let mut history = History::new(Bounds { snapshots: 3, bytes: 100 }, snapshot(1, 10));
        for number in 2..=4 {
            history.push(snapshot(number, 10));
        }
        let numbers = |it: &History| it.iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!((numbers(&history), history.bytes()), (vec![2, 3, 4], 30));
        history.push(snapshot(5, 85));
        assert_eq!((numbers(&history), history.bytes()), (vec![4, 5], 95));
        history.push(snapshot(6, 1000));
        assert_eq!((numbers(&history), history.bytes()), (vec![6], 1000), "the newest is there in any case");
        history.push(snapshot(7, 1));
        assert_eq!((numbers(&history), history.bytes()), (vec![7], 1));
    }

    #[test]
    fn positions_are_found_by_number() {
        let mut history = History::new(Bounds { snapshots: 3, bytes: 100 }, kept(1));
        (2..=5).for_each(|number| history.push(kept(number)));
        assert_eq!([1, 3, 4, 5, 9].map(|it| history.position(it)), [0, 0, 1, 2, 2]);
        assert_eq!(history.newest().number, 5);
    }

    #[test]
    fn a_series_is_of_one_process() {
        let mut history = History::new(Bounds { snapshots: 9, bytes: 100 }, kept(1));
        history.push(Kept { series: 2, ..kept(2) });
        history.push(Kept { series: 2, ..kept(3) });
        let numbers = |at| history.series(at).iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!((numbers(0), numbers(1), numbers(2)), (vec![1], vec![2], vec![2, 3]));
    }
}
