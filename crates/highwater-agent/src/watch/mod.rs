//! The watch: reads how much memory is in use, keeps the latest snapshots on disk, and leaves an incident folder when a rule
//! says so, before the kernel ends the process.
//!
//! Nothing that fails ends it: what cannot be read or written is counted, and tried again the next time.

mod flame;
mod growth;
mod history;
mod incident;
mod ring;
mod rule;
mod sink;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use highwater::{Container, Snapshot, Stats};
use highwater_runtime::own_memory;

use crate::Error;
use crate::limits;
use crate::names;
use crate::service::Counts;
use history::{History, Reading};
use incident::{Incident, Incidents};
use ring::{Ring, write_profile};
pub use rule::Growth;
pub(crate) use rule::{Judge, Reason, Use};
use sink::{Sink, Sinks};

/// What is to be watched, and where it is written: see [`AgentBuilder::watch`](crate::AgentBuilder::watch).
///
/// Below its directory it keeps `ring/` with the latest snapshots, `incidents/` with a folder for each incident, and
/// `peak.pb.gz`, the profile of the highest peak.
#[derive(Clone, Debug)]
pub struct Watch {
    directory: PathBuf,
    thresholds: Vec<Reason>,
    growth: Option<Growth>,
    every: Duration,
    snapshots_every: Duration,
    max_snapshots: usize,
    max_ring_bytes: u64,
    max_incidents: usize,
    cooldown: Duration,
    peak_factor: f64,
    reserved_bytes: usize,
    sinks: Vec<Sink>,
}

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

impl Watch {
    /// A watch that writes below `directory`, which is made if it is missing. It keeps a ring of snapshots and the highest
    /// peak; incidents need one of [`Self::at_fraction`], [`Self::at_bytes`] or [`Self::on_growth`].
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            thresholds: Vec::new(),
            growth: None,
            every: Duration::from_secs(1),
            snapshots_every: Duration::from_secs(60),
            max_snapshots: 20,
            max_ring_bytes: 64 << 20,
            max_incidents: 8,
            cooldown: Duration::from_secs(600),
            peak_factor: 1.2,
            reserved_bytes: 8 << 20,
            sinks: Vec::new(),
        }
    }

    /// An incident when this fraction of the limit is in use: of the container's working set, or without a limit for the
    /// container, of the machine's memory in the resident set. May be given several times.
    #[must_use]
    pub fn at_fraction(mut self, fraction: f64) -> Self {
        self.thresholds.push(Reason::Fraction(fraction));
        self
    }

    /// An incident when so many bytes are in use. May be given several times.
    #[must_use]
    pub fn at_bytes(mut self, bytes: u64) -> Self {
        self.thresholds.push(Reason::Bytes(bytes));
        self
    }

    /// An incident when much more is in use than lately. Default: none.
    #[must_use]
    pub fn on_growth(mut self, growth: Growth) -> Self {
        self.growth = Some(growth);
        self
    }

    /// How often memory is read, at least every millisecond. Default: every second.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period.max(Duration::from_millis(1));
        self
    }

    /// How often a snapshot goes into the ring; the first does at once. Default: every minute.
    #[must_use]
    pub fn snapshots_every(mut self, period: Duration) -> Self {
        self.snapshots_every = period;
        self
    }

    /// How many snapshots the ring holds, and how many bytes they may have together; the newest stays in any case.
    /// Default: 20 snapshots and 64 MiB.
    #[must_use]
    pub fn keep(mut self, snapshots: usize, bytes: u64) -> Self {
        self.max_snapshots = snapshots;
        self.max_ring_bytes = bytes;
        self
    }

    /// How many incidents to keep; the oldest are deleted. Default: 8.
    #[must_use]
    pub fn keep_incidents(mut self, incidents: usize) -> Self {
        self.max_incidents = incidents;
        self
    }

    /// How long a rule is silent after it said something; every rule by itself. Default: 10 minutes.
    #[must_use]
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown = time;
        self
    }

    /// By which factor live memory must pass the last peak that was kept, for `peak.pb.gz` to be written anew; at least
    /// 1.01. Default: 1.2.
    #[must_use]
    pub fn peak_factor(mut self, factor: f64) -> Self {
        self.peak_factor = factor.max(1.01);
        self
    }

    /// Memory that is taken when the watch starts and given up when an incident begins, so that there is some to record it
    /// with; it is taken again when four times as much is free. Half of it is for finding names. Default: 8 MiB.
    #[must_use]
    pub fn reserve(mut self, bytes: usize) -> Self {
        self.reserved_bytes = bytes;
        self
    }

    /// Posts each incident to this address as JSON: what `incident.json` has, the folder, and the ranking. It is tried six
    /// times, with pauses that double. Only `http://`: an address elsewhere is reached through a proxy that adds TLS.
    #[must_use]
    pub fn post(mut self, url: impl Into<String>) -> Self {
        self.sinks.push(Sink::Json(url.into()));
        self
    }

    /// As [`Self::post`], in the form that Slack's incoming webhooks take: `{"text": …}`, with the first rows of the ranking.
    #[must_use]
    pub fn post_to_slack(mut self, url: impl Into<String>) -> Self {
        self.sinks.push(Sink::Slack(url.into()));
        self
    }

    /// Starts the watch's thread.
    ///
    /// # Errors
    /// When the directory cannot be used, or the system starts no thread.
    pub(crate) fn start(&self, counts: Arc<Counts>) -> Result<Watching, Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let sinks = match self.sinks.as_slice() {
            [] => None,
            sinks => {
                let sinks = own_memory(|| sinks.to_vec());
                Some(Sinks::start(sinks, Arc::clone(&counts)).map_err(Error::Thread)?)
            }
        };
        let mut watcher = own_memory(|| Watcher::open(self.clone(), counts, sinks)).map_err(failed)?;
        let (stop, stopped) = own_memory(channel);
        let thread = thread::Builder::new()
            .name("highwater-watch".to_owned())
            .spawn(move || own_memory(move || watcher.run(stopped)))
            .map_err(Error::Thread)?;
        Ok(Watching { stop, thread })
    }
}

/// A watch that goes on until it is stopped. Dropping this does not stop it.
#[derive(Debug)]
pub(crate) struct Watching {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watching {
    pub(crate) fn stop(self) {
        let stop = self.stop;
        // It may have ended by itself; that it panicked is already on standard error.
        own_memory(move || {
            let _ = stop.send(());
        });
        let _ = self.thread.join();
    }
}

struct Watcher {
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
    fn open(watch: Watch, counts: Arc<Counts>, sinks: Option<Sinks>) -> io::Result<Self> {
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

    fn run(&mut self, stopped: Receiver<()>) {
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
        let folder = outcome?;
        let was_heard = self.sinks.as_ref().is_none_or(|sinks| sinks.tell(folder));
        self.count(was_heard);
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
        // Three snapshots for the ring, and an incident: the threshold is reached once.
        assert_eq!(counts.watch_failures.load(Ordering::Relaxed), 4);
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

    #[test]
    fn a_watch_stops() {
        let directory = tempfile::tempdir().unwrap();
        Watch::new(directory.path()).start(Arc::default()).unwrap().stop();
        assert!(directory.path().join("ring").is_dir());
    }
}
