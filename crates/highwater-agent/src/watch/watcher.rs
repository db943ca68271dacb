//! The thread of a watch: reads memory use, applies the rules, and records incidents.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use highwater::{Container, MemoryLevel, Snapshot, Stats};
use highwater_profile::file::{FileError, Ring, RingNames, clear_temporary, write_durably};
use highwater_profile::pprof;

use super::history::{History, Reading};
use super::incident::{Incident, Incidents};
use super::rule::{Judge, Reason, Use};
use super::settings::Watch;
use super::sink::Sinks;
use crate::counts::Counts;

/// The time that an incident's `metrics.csv` covers.
const HISTORY: Duration = Duration::from_secs(600);

/// Maximum number of kept readings, whatever their interval.
const MAX_READINGS: u128 = 10_000;

/// Minimum memory budget for looking up names at an incident, in bytes. Normally the budget is half of the
/// reserve; the other half is for the profiles and the drawing.
const LEAST_NAMES_BYTES: u64 = 1 << 20;

/// The reserve is allocated again after an incident when this many times its size is free.
const FREE_FACTOR: u64 = 4;

/// Maximum consecutive readings that are not judged because of pages of text.
const MAX_SKIPPED: u32 = 10;

/// A peak with fewer live bytes is not written to a file.
const LEAST_PEAK_BYTES: u64 = 1 << 20;

/// The names of snapshots in the ring.
const RING: RingNames = RingNames { prefix: "heap-", endings: &["pb.gz"] };

/// The state of the thread; see [the module](self).
pub(super) struct Watcher {
    watch: Watch,
    counts: Arc<Counts>,
    judge: Judge,
    history: History,
    ring: Ring,
    incidents: Incidents,
    sinks: Option<Sinks>,
    /// Freed when an incident is recorded, and allocated again when there is enough free memory.
    reserve: Vec<u8>,
    /// The bytes freed for an incident. They still count against limits, so that allocating the reserve again
    /// does not cause another incident.
    given_up_bytes: u64,
    /// Consecutive readings that were not judged.
    skipped: u32,
    begin: Instant,
    next_snapshot: Duration,
    kept_peak_bytes: u64,
    /// Held while this watch runs: two watches would delete each other's files.
    _lock: Option<File>,
    /// The rule of an incident that could not be recorded, and the number of failed attempts.
    unrecorded: Option<(&'static str, u32)>,
}

impl Watcher {
    /// Opens a watch in a directory that nobody else uses.
    pub(super) fn open(
        watch: Watch,
        counts: Arc<Counts>,
        sinks: Option<Sinks>,
        lock: Option<File>,
    ) -> io::Result<Self> {
        clear_temporary(&watch.directory)?;
        let readings = HISTORY.as_nanos() / watch.every.as_nanos().max(1);
        let readings = usize::try_from(readings.clamp(1, MAX_READINGS)).unwrap_or(1);
        let mut watcher = Self {
            judge: Judge::new(watch.thresholds.iter().copied(), watch.growth, watch.cooldown),
            history: History::new(readings),
            ring: Ring::open(watch.directory.join("ring"), RING, watch.max_snapshots, watch.max_ring_bytes)?,
            incidents: Incidents::open(watch.directory.join("incidents"), watch.max_incidents)?,
            reserve: Vec::new(),
            given_up_bytes: 0,
            skipped: 0,
            begin: Instant::now(),
            next_snapshot: Duration::ZERO,
            kept_peak_bytes: LEAST_PEAK_BYTES,
            _lock: lock,
            unrecorded: None,
            counts,
            sinks,
            watch,
        };
        watcher.take_reserve();
        Ok(watcher)
    }

    pub(super) fn run(&mut self, stopped: Receiver<()>) {
        // A first snapshot, before anything else, for later comparisons.
        self.add_snapshot_if_due(self.begin.elapsed());
        highwater_resolver::prepare();
        loop {
            self.look(self.begin.elapsed());
            match stopped.recv_timeout(self.watch.every) {
                Ok(()) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // No handle is left that could stop this thread.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(self.watch.every),
            }
        }
    }

    /// Takes one reading and handles its consequences.
    ///
    /// Rules are applied before anything that needs memory: a snapshot for the ring may be what a full
    /// container has no memory for.
    fn look(&mut self, now: Duration) {
        let stats = highwater::stats();
        let levels = highwater::memory_levels();
        let level = nearest(&levels);
        let reading = reading(&stats, &highwater::container(), level);
        self.history.push(reading);
        self.counts.readings.fetch_add(1, Ordering::Relaxed);
        match reading.used_bytes {
            Some(used_bytes) => {
                let limit_bytes = level.map(|it| it.limit_bytes.saturating_add(it.swap_room_bytes));
                let own_bytes = reading.own_bytes.unwrap_or(used_bytes);
                let used = Use { used_bytes, limit_bytes, own_bytes, reserved_bytes: 0 };
                let judged = without_watch(used, self.reserve.len() as u64, self.given_up_bytes);
                if self.reserve.is_empty() && has_free_memory(used, self.watch.reserved_bytes) {
                    self.take_reserve();
                }
                if self.is_text_made() {
                    // A page of text frees its memory soon.
                } else if let Some(reason) = self.judge.judge(now, judged) {
                    self.record(now, reason, reading, level);
                }
            }
            None => self.count(false),
        }
        if is_affordable(&levels, self.watch.reserved_bytes as u64) {
            self.add_snapshot_if_due(now);
            if stats.live_bytes as f64 > self.watch.peak_factor * self.kept_peak_bytes as f64 {
                self.kept_peak_bytes = stats.live_bytes;
                let outcome = self.keep_peak();
                self.count(outcome.is_ok());
            }
        }
    }

    fn take_reserve(&mut self) {
        self.reserve = reserve(self.watch.reserved_bytes).unwrap_or_default();
        self.given_up_bytes = 0;
        self.counts.reserved_bytes.store(self.reserve.len() as u64, Ordering::Relaxed);
    }

    /// Whether a page of text is being made, which needs memory for a moment. A long series of pages does not
    /// stop the rules.
    fn is_text_made(&mut self) -> bool {
        let is_made = self.counts.texts.load(Ordering::Relaxed) > 0 && self.skipped < MAX_SKIPPED;
        self.skipped = if is_made { self.skipped + 1 } else { 0 };
        is_made
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
        let time_ms = u64::try_from(time_ms()).unwrap_or(u64::MAX);
        self.ring.add(time_ms, RING.endings[0], |path| write_profile(path, &snapshot))?;
        self.counts.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn keep_peak(&self) -> Result<(), highwater::Error> {
        write_profile(&self.watch.directory.join("peak.pb.gz"), &Snapshot::capture()?)?;
        Ok(())
    }

    /// Records an incident and sends it to receivers. If not even the profile could be written, the incident
    /// is still sent, and recorded later when possible.
    fn record(&mut self, now: Duration, reason: Reason, reading: Reading, level: Option<&MemoryLevel>) {
        self.given_up_bytes = self.given_up_bytes.max(self.reserve.len() as u64);
        self.reserve = Vec::new();
        self.counts.reserved_bytes.store(0, Ordering::Relaxed);
        let profile = Snapshot::capture().map(|it| it.to_profile()).map_err(|error| error.to_string());
        let incident = Incident {
            reason,
            reading,
            level,
            history: &self.history,
            before: self.ring.oldest(),
            now: profile,
            names_bytes: (self.watch.reserved_bytes as u64 / 2).max(LEAST_NAMES_BYTES),
        };
        let recorded = self.incidents.add(incident);
        let failures = self.unrecorded.filter(|it| it.0 == reason.word()).map_or(0, |it| it.1);
        let is_recorded = recorded.folder.is_some();
        self.counts.watch_failures.fetch_add(recorded.failures as u64, Ordering::Relaxed);
        if is_recorded || failures == 0 {
            let unheard = self.sinks.as_ref().map_or(0, |sinks| sinks.tell(recorded, failures > 0));
            self.counts.watch_failures.fetch_add(unheard, Ordering::Relaxed);
        }
        if is_recorded {
            self.unrecorded = None;
            self.counts.incidents.fetch_add(1, Ordering::Relaxed);
        } else {
            self.unrecorded = Some((reason.word(), failures.saturating_add(1)));
            self.judge.take_back(now, reason, failures.saturating_add(1));
        }
    }
}

/// Writes a snapshot and flushes it to disk, so that it survives a kill of the process.
fn write_profile(path: &Path, snapshot: &Snapshot) -> Result<(), FileError> {
    let profile = snapshot.to_profile();
    write_durably(path, |out| pprof::write(&profile, out))
}

/// Milliseconds since 1970-01-01 UTC.
fn time_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Memory whose pages are all resident; `None` if the system has too little.
fn reserve(bytes: usize) -> Option<Vec<u8>> {
    let mut reserve = Vec::new();
    reserve.try_reserve_exact(bytes).ok()?;
    reserve.resize(bytes, 1);
    Some(reserve)
}

/// The use that rules look at. The reserve does not count as use by the service itself. Against a limit, the
/// reserve counts even while it is freed, because it will be allocated again.
fn without_watch(used: Use, reserved_bytes: u64, given_up_bytes: u64) -> Use {
    Use {
        used_bytes: used.used_bytes.saturating_add(given_up_bytes),
        own_bytes: used.own_bytes.saturating_sub(reserved_bytes),
        reserved_bytes: reserved_bytes.saturating_add(given_up_bytes),
        ..used
    }
}

/// Whether there is enough free memory to allocate the reserve without bringing the limit closer than the
/// reserve is worth.
fn has_free_memory(used: Use, reserved_bytes: usize) -> bool {
    let wanted = (reserved_bytes as u64).saturating_mul(FREE_FACTOR);
    used.limit_bytes.is_none_or(|limit| limit.saturating_sub(used.used_bytes) >= wanted)
}

/// Whether the limits that end the process leave memory for a snapshot that is no incident's. The reserve is
/// kept for incidents, so other snapshots are put off while there is less than the reserve. A process may run
/// at its throttle for good, and gets its snapshots there.
fn is_affordable(levels: &[MemoryLevel], reserved_bytes: u64) -> bool {
    MemoryLevel::nearest(levels).is_none_or(|it| it.headroom_bytes() >= reserved_bytes)
}

/// The nearest limit: one at which the process is killed, or throttled so much that it never gets there.
fn nearest(levels: &[MemoryLevel]) -> Option<&MemoryLevel> {
    let both = MemoryLevel::nearest(levels).into_iter().chain(MemoryLevel::throttle(levels));
    both.min_by_key(|it| it.headroom_bytes())
}

fn reading(stats: &Stats, container: &Container, level: Option<&MemoryLevel>) -> Reading {
    // Without a limit, the control group may contain all programs of a user.
    let in_container =
        container.memory_limit_bytes.or(container.throttle_bytes).and(container.own_working_set_bytes);
    Reading {
        time_ms: time_ms(),
        used_bytes: level.map(MemoryLevel::working_set_bytes).or(stats.rss_bytes),
        limit_bytes: level.map(|it| it.limit_bytes),
        limit_kind: level.map(|it| it.kind),
        own_bytes: in_container.or(stats.rss_bytes),
        rss_bytes: stats.rss_bytes,
        live_bytes: stats.live_bytes,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use highwater::LimitKind;

    use super::*;

    #[test]
    fn failures_are_counted_and_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let counts = Arc::new(Counts::default());
        // Without the allocator, no snapshot is possible: each attempt fails, and the next one is still made.
        let watch = Watch::new(directory.path()).at_bytes(1).cooldown(Duration::ZERO).reserve(0);
        let mut watcher =
            Watcher::open(watch.snapshots_every(Duration::ZERO), Arc::clone(&counts), None, None).unwrap();
        for second in 0..3 {
            watcher.look(Duration::from_secs(second));
        }
        // Three failed snapshots for the ring, and three failed incidents: the threshold stays until an
        // incident is recorded.
        assert_eq!(counts.watch_failures.load(Ordering::Relaxed), 6);
        assert_eq!(counts.incidents.load(Ordering::Relaxed), 0);
        assert_eq!(fs::read_dir(directory.path().join("incidents")).unwrap().count(), 0);
    }

    #[test]
    fn snapshots_wait_for_memory() {
        let level = |kind, used_bytes| {
            let mut level = highwater::memory_levels().pop().expect("the machine's memory");
            (level.kind, level.limit_bytes, level.used_bytes) = (kind, 100, used_bytes);
            (level.inactive_file_bytes, level.swap_room_bytes) = (None, 0);
            level
        };
        let group = |used_bytes| level(LimitKind::Group, used_bytes);
        assert!(is_affordable(&[group(90)], 10) && !is_affordable(&[group(91)], 10));
        assert!(!is_affordable(&[group(0), group(91)], 10), "the nearest one counts");
        assert!(is_affordable(&[group(100)], 0) && is_affordable(&[], u64::MAX));
        // Some processes are throttled all their life.
        assert!(is_affordable(&[level(LimitKind::Throttle, 100), group(90)], 10));
    }

    #[test]
    fn in_a_container_the_working_set_counts() {
        let mut container = Container::default();
        container.own_working_set_bytes = Some(70);
        let mut stats = Stats::default();
        stats.rss_bytes = Some(50);
        let own = |container: &_| reading(&stats, container, None).own_bytes;
        assert_eq!(own(&container), Some(50));
        container.memory_limit_bytes = Some(200);
        assert_eq!(own(&container), Some(70));
        // If no limit is known, the resident set is used.
        assert_eq!(reading(&stats, &container, None).used_bytes, Some(50));
    }

    #[test]
    fn the_reserve_does_not_cause_an_incident() {
        let mut judge = Judge::new([Reason::Bytes(100)], None, Duration::ZERO);
        let mut fires = |second, own_bytes, reserved_bytes| {
            let used = Use { used_bytes: own_bytes, limit_bytes: None, own_bytes, reserved_bytes: 0 };
            let judged = without_watch(used, reserved_bytes, 0);
            judge.judge(Duration::from_secs(second), judged).is_some()
        };
        // The service is just below the threshold when the watch starts, and later.
        assert!(!fires(0, 91, 0) && !fires(1, 107, 8));
        // The reserve is freed for an incident and allocated again.
        assert!(fires(2, 109, 8));
        assert!(!fires(3, 101, 0) && !fires(4, 109, 8));
        // The planted fault: the reserve counts as use.
        assert!(!fires(5, 93, 0) && fires(6, 101, 0));
    }

    #[test]
    fn the_reserve_does_not_reach_a_limit() {
        let mut judge = Judge::new([Reason::Fraction(0.5)], None, Duration::ZERO);
        let mut fires = |second, used_bytes, reserved_bytes, given_up_bytes| {
            let used = Use { used_bytes, limit_bytes: Some(200), own_bytes: 0, reserved_bytes: 0 };
            let judged = without_watch(used, reserved_bytes, given_up_bytes);
            judge.judge(Duration::from_secs(second), judged).is_some()
        };
        // The service is just below when the watch starts; then it reaches the limit by itself.
        assert!(!fires(0, 107, 8, 0) && fires(1, 109, 8, 0));
        // The reserve is freed and allocated again.
        assert!(!fires(2, 101, 0, 8) && !fires(3, 109, 8, 0));
        // The planted fault: the reserve is ignored.
        assert!(!fires(4, 93, 0, 0) && fires(5, 107, 0, 0));
    }

    #[test]
    fn the_reserve_is_allocated_again_only_with_enough_free_memory() {
        let used = |used_bytes, limit_bytes| Use {
            used_bytes,
            limit_bytes,
            own_bytes: used_bytes,
            reserved_bytes: 0,
        };
        assert!(has_free_memory(used(60, Some(100)), 10) && !has_free_memory(used(61, Some(100)), 10));
        assert!(has_free_memory(used(60, None), 10) && !has_free_memory(used(101, Some(100)), 10));
        assert_eq!(reserve(isize::MAX as usize), None);
        assert_eq!(reserve(5000).map(|it| it.len()), Some(5000));
    }
}
