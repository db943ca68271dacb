//! The newest snapshots, unchanged and in bounded memory, so that a screen can go back to them.

use std::collections::VecDeque;
use std::sync::Arc;

use highwater_analyze::SnapshotTotals;
use highwater_profile::{Limits, Profile, ReadError};

/// A snapshot as it was received.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Number of the snapshot, from 1.
    pub(crate) number: usize,
    /// Number of the process's series, from 1.
    pub(crate) series: usize,
    /// Name of the file, or of the server.
    pub(crate) name: String,
    /// The bytes of the file.
    pub(crate) bytes: Vec<u8>,
    pub(crate) totals: SnapshotTotals,
    /// Resident set of the process, in bytes.
    pub(crate) rss_bytes: Option<i64>,
    /// Memory limit of the cgroup, in bytes.
    pub(crate) limit_bytes: Option<i64>,
}

impl Kept {
    /// The profile, without its symbols.
    ///
    /// # Errors
    /// An error here is unlikely: the same bytes were read before. Memory may have become scarce since then.
    pub(crate) fn profile(&self, limits: &Limits) -> Result<Profile, ReadError> {
        let mut profile = highwater_profile::read(&self.bytes, limits)?;
        // Files without a time got the time of their arrival.
        profile.time_ns = self.totals.time_ns;
        Ok(profile)
    }
}

/// The bounds of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Maximum number of snapshots.
    pub(crate) snapshots: usize,
    /// Maximum bytes of all snapshots. The newest snapshot is kept even if it alone is larger.
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
    /// A history that begins with this snapshot.
    pub(crate) fn new(bounds: Bounds, first: Kept) -> Self {
        let bytes = first.bytes.len();
        Self { bounds, all: VecDeque::from([Arc::new(first)]), bytes }
    }

    /// Adds the next snapshot, and drops the oldest ones beyond the bounds.
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

    /// Bytes of all kept snapshots.
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

    /// Position of the snapshot with this number, or of the oldest one if this one was dropped.
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
    fn a_series_has_one_process() {
        let mut history = History::new(Bounds { snapshots: 9, bytes: 100 }, kept(1));
        history.push(Kept { series: 2, ..kept(2) });
        history.push(Kept { series: 2, ..kept(3) });
        let numbers = |at| history.series(at).iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!((numbers(0), numbers(1), numbers(2)), (vec![1], vec![2], vec![2, 3]));
    }
}
