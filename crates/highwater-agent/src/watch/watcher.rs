//! The thread of a watch: reads, judges, and writes down what holds memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use highwater::{Container, Snapshot, Stats};

use super::Watch;
use super::history::{History, Reading};
use super::incident::{Incident, Incidents};
use super::ring::{Ring, write_profile};
use super::rule::{Judge, Reason, Use};
use super::sink::Sinks;
use crate::limits;
use crate::names;
use crate::service::Counts;

/// How long a time `metrics.csv` of an incident covers.
const HISTORY: Duration = Duration::from_secs(600);

/// Readings that are kept at the most, however often there is one.
const MAX_READINGS: u128 = 10_000;

/// What finding names at an incident may take when next to nothing is reserved, in bytes. Otherwise it is half of the
/// reserve; the other half is for the profiles and the drawing.
const LEAST_NAMES_BYTES: u64 = 1 << 20;

/// How many times the reserve must be free for it to be taken again after an incident.
const ROOM_FACTOR: u64 = 4;

/// Live bytes below which no peak is worth a file.
const LEAST_PEAK_BYTES: u64 = 1 << 20;

/// See [the module](self).
pub(super) struct Watcher {
    watch: Watch,
    counts: Arc<Counts>,
    judge: Judge,
    history: History,
    ring: Ring,
    incidents: Incidents,
    sinks: Option<Sinks>,
    /// Given up when an incident is recorded, and taken again when there is room for it.
    reserve: Vec<u8>,
    begin: Instant,
    next_snapshot: Duration,
    kept_peak_bytes: u64,
}

impl Watcher {
    pub(super) fn open(watch: Watch, counts: Arc<Counts>, sinks: Option<Sinks>) -> io::Result<Self> {
        let readings = HISTORY.as_nanos() / watch.every.as_nanos().max(1);
        let readings = usize::try_from(readings.clamp(1, MAX_READINGS)).unwrap_or(1);
        Ok(Self {
            judge: Judge::new(watch.thresholds.iter().copied(), watch.growth, watch.cooldown),
            history: History::new(readings),
            ring: Ring::open(watch.directory.join("ring"), watch.max_snapshots, watch.max_ring_bytes)?,
            incidents: Incidents::open(watch.directory.join("incidents"), watch.max_incidents)?,
            reserve: reserve(watch.reserved_bytes).unwrap_or_default(),
            begin: Instant::now(),
            next_snapshot: Duration::ZERO,
            kept_peak_bytes: LEAST_PEAK_BYTES,
            counts,
            sinks,
            watch,
        })
    }

    pub(super) fn run(&mut self, stopped: Receiver<()>) {
        // Before anything else, there is something to compare with. The memory that names need is no growth to be noticed.
        self.add_snapshot_if_due(self.begin.elapsed());
        names::prepare();
        loop {
            self.look(self.begin.elapsed());
            match stopped.recv_timeout(self.watch.every) {
                Ok(()) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody can stop it any more.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(self.watch.every),
            }
        }
    }

    /// One reading, and what follows from it.
    fn look(&mut self, now: Duration) {
        self.add_snapshot_if_due(now);
        let stats = highwater::stats();
        let limits = limits();
        let reading = reading(&stats, &highwater::container(), limits.memory_bytes, limits.is_memory_limited);
        self.history.push(reading);
        self.counts.readings.fetch_add(1, Ordering::Relaxed);
        match reading.used_bytes {
            Some(used_bytes) => {
                let used = Use { used_bytes, limit_bytes: reading.limit_bytes };
                if self.reserve.is_empty() && has_room(used, self.watch.reserved_bytes) {
                    self.reserve = reserve(self.watch.reserved_bytes).unwrap_or_default();
                }
                if let Some(reason) = self.judge.judge(now, used) {
                    let outcome = self.record(reason, reading);
                    self.count(outcome.is_ok());
                    if outcome.is_err() {
                        self.judge.take_back(now, reason);
                    }
                }
            }
            None => self.count(false),
        }
        if stats.live_bytes as f64 > self.watch.peak_factor * self.kept_peak_bytes as f64 {
            self.kept_peak_bytes = stats.live_bytes;
            let outcome = self.keep_peak();
            self.count(outcome.is_ok());
        }
    }

    fn count(&self, has_worked: bool) {
        self.counts.watch_failures.fetch_add(u64::from(!has_worked), Ordering::Relaxed);
    }

    fn add_snapshot_if_due(&mut self, now: Duration) {
        if now >= self.next_snapshot {
            self.next_snapshot = now + self.watch.snapshots_every;
            let outcome = self.add_snapshot();
            self.count(outcome.is_ok());
        }
    }

    fn add_snapshot(&mut self) -> Result<(), highwater::Error> {
        let snapshot = Snapshot::capture()?;
        self.ring.add(time_ms(), &snapshot)?;
        self.counts.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn keep_peak(&self) -> Result<(), highwater::Error> {
        write_profile(&self.watch.directory.join("peak.pb.gz"), &Snapshot::capture()?)?;
        Ok(())
    }

    fn record(&mut self, reason: Reason, reading: Reading) -> Result<(), highwater::Error> {
        self.reserve = Vec::new();
        let outcome = Snapshot::capture().and_then(|now| {
            let before = self.ring.oldest();
            let names_bytes = (self.watch.reserved_bytes as u64 / 2).max(LEAST_NAMES_BYTES);
            let history = &self.history;
            let incident = Incident { reason, reading, history, before, now: &now, names_bytes };
            Ok(self.incidents.add(&incident)?)
        });
        let (folder, names) = outcome?;
        let unheard = self.sinks.as_ref().map_or(0, |sinks| sinks.tell(folder, names));
        self.counts.watch_failures.fetch_add(unheard, Ordering::Relaxed);
        self.counts.incidents.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Milliseconds since 1970, UTC.
fn time_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Memory that is really there, every page of it; `None` when the system has none.
fn reserve(bytes: usize) -> Option<Vec<u8>> {
    let mut reserve = Vec::new();
    reserve.try_reserve_exact(bytes).ok()?;
    reserve.resize(bytes, 1);
    Some(reserve)
}

/// Whether a reserve can be taken without making the end come sooner that it is there for.
fn has_room(used: Use, reserved_bytes: usize) -> bool {
    let wanted = (reserved_bytes as u64).saturating_mul(ROOM_FACTOR);
    used.limit_bytes.is_none_or(|limit| limit.saturating_sub(used.used_bytes) >= wanted)
}

fn reading(stats: &Stats, container: &Container, memory_bytes: Option<u64>, is_limited: bool) -> Reading {
    let used_bytes = if is_limited { container.working_set_bytes() } else { stats.rss_bytes };
    Reading {
        time_ms: time_ms(),
        used_bytes,
        limit_bytes: memory_bytes,
        rss_bytes: stats.rss_bytes,
        live_bytes: stats.live_bytes,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_fails_is_counted_and_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let counts = Arc::new(Counts::default());
        // Without the allocator there is no snapshot to be had: each attempt fails, the next is made all the same.
        let watch = Watch::new(directory.path()).at_bytes(1).cooldown(Duration::ZERO).reserve(0);
        let mut watcher =
            Watcher::open(watch.snapshots_every(Duration::ZERO), Arc::clone(&counts), None).unwrap();
        for second in 0..3 {
            watcher.look(Duration::from_secs(second));
        }
        // Three snapshots for the ring, and an incident as often: the threshold stays until one is recorded.
        assert_eq!(counts.watch_failures.load(Ordering::Relaxed), 6);
        assert_eq!(counts.incidents.load(Ordering::Relaxed), 0);
        assert_eq!(fs::read_dir(directory.path().join("incidents")).unwrap().count(), 0);
    }

    #[test]
    fn a_container_is_watched_by_its_working_set() {
        let mut container = Container::default();
        container.memory_used_bytes = Some(100);
        container.inactive_file_bytes = Some(30);
        let mut stats = Stats::default();
        stats.rss_bytes = Some(50);
        let used = |is_limited| reading(&stats, &container, Some(200), is_limited).used_bytes;
        assert_eq!((used(true), used(false)), (Some(70), Some(50)));
    }

    #[test]
    fn a_reserve_is_taken_again_only_where_there_is_room() {
        let used = |used_bytes, limit_bytes| Use { used_bytes, limit_bytes };
        assert!(has_room(used(60, Some(100)), 10) && !has_room(used(61, Some(100)), 10));
        assert!(has_room(used(60, None), 10) && !has_room(used(101, Some(100)), 10));
        assert_eq!(reserve(isize::MAX as usize), None);
        assert_eq!(reserve(5000).map(|it| it.len()), Some(5000));
    }
}
