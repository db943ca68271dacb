//! The watch: reads the memory in use, keeps the latest snapshots on disk, and writes an incident folder when
//! a rule is broken, before the kernel kills the process.
//!
//! No failure ends the watch: a failed read or write is counted, and tried again the next time.

#[cfg(feature = "flame")]
mod flame;
mod growth;
mod history;
mod incident;
mod place;
mod rule;
mod sink;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use highwater::Background;
use highwater_recorder::own_memory;

use crate::Error;
use crate::of_process::OfProcess;
use crate::service::Counts;
pub use rule::Growth;
pub(crate) use rule::{Judge, Reason, Use};
use sink::{Connections, Sink, Sinks};
use watcher::Watcher;

/// What to watch, and where to write: see [`AgentBuilder::watch`](crate::AgentBuilder::watch).
///
/// Its directory contains `ring/` with the latest snapshots, `incidents/` with a folder for each incident,
/// and `peak.pb.gz`, the profile of the highest peak.
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
    connections: Connections,
}

impl Watch {
    /// A watch that writes below `directory`, which is created if it is missing. A second process with the
    /// same directory writes to `worker-2` below it. The watch keeps a ring of snapshots and the highest
    /// peak; incidents need [`Self::at_fraction`], [`Self::at_bytes`] or [`Self::on_growth`].
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: absolute(directory.into()),
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
            connections: Connections::default(),
        }
    }

    /// Records an incident when this fraction of the nearest limit is in use, by any process, without the
    /// watch's own [reserve](Self::reserve), or when no more than the reserve is left. The limit belongs to a
    /// control group, of the process, or is the machine's memory. May be given several times.
    #[must_use]
    pub fn at_fraction(mut self, fraction: f64) -> Self {
        self.thresholds.push(Reason::Fraction(fraction));
        self
    }

    /// Records an incident when the service itself uses this many bytes: in its container's working set if
    /// the container has a limit, otherwise in its resident set. The watch's [reserve](Self::reserve) does
    /// not count. May be given several times.
    #[must_use]
    pub fn at_bytes(mut self, bytes: u64) -> Self {
        self.thresholds.push(Reason::Bytes(bytes));
        self
    }

    /// Records an incident when much more memory is in use than recently. Default: none.
    #[must_use]
    pub fn on_growth(mut self, growth: Growth) -> Self {
        self.growth = Some(growth);
        self
    }

    /// Time between two readings of memory, at least a millisecond. Default: one second.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period.max(Duration::from_millis(1));
        self
    }

    /// Time between two snapshots for the ring; the first one is taken at once. Default: one minute.
    #[must_use]
    pub fn snapshots_every(mut self, period: Duration) -> Self {
        self.snapshots_every = period;
        self
    }

    /// Maximum number of snapshots in the ring, and their maximum total bytes; the newest snapshot always
    /// stays. Default: 20 snapshots and 64 MiB.
    #[must_use]
    pub fn keep(mut self, snapshots: usize, bytes: u64) -> Self {
        self.max_snapshots = snapshots;
        self.max_ring_bytes = bytes;
        self
    }

    /// Maximum number of incidents; the oldest are deleted. Default: 8.
    #[must_use]
    pub fn keep_incidents(mut self, incidents: usize) -> Self {
        self.max_incidents = incidents;
        self
    }

    /// Time after an incident in which the same rule records no further one. Default: 10 minutes.
    #[must_use]
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown = time;
        self
    }

    /// The factor by which live memory must exceed the last stored peak before `peak.pb.gz` is written again;
    /// at least 1.01. Default: 1.2.
    #[must_use]
    pub fn peak_factor(mut self, factor: f64) -> Self {
        self.peak_factor = factor.max(1.01);
        self
    }

    /// Bytes that the watch allocates when it starts and frees when an incident begins, so that there is
    /// memory for recording it. They are allocated again when four times as much is free. Half of them is for
    /// looking up names. Default: 8 MiB.
    #[must_use]
    pub fn reserve(mut self, bytes: usize) -> Self {
        self.reserved_bytes = bytes;
        self
    }

    /// Posts each incident to this address as JSON: the content of `incident.json`, the folder, and the
    /// ranking. There are six attempts, with pauses that double. An `https` address needs the feature `tls`;
    /// nothing is sent if the receiver's certificate is not valid.
    #[must_use]
    pub fn post(mut self, url: impl Into<String>) -> Self {
        self.sinks.push(Sink::Json(url.into()));
        self
    }

    /// Like [`Self::post`], in the form of Slack's incoming webhooks: `{"text": …}`, with the first rows of
    /// the ranking.
    #[must_use]
    pub fn post_to_slack(mut self, url: impl Into<String>) -> Self {
        self.sinks.push(Sink::Slack(url.into()));
        self
    }

    /// Sends the profile of each incident to the Pyroscope server at this address, such as
    /// `http://127.0.0.1:4040`, under the name of the program's file: live bytes and blocks, with names. The
    /// number of attempts is the same as for [`Self::post`].
    #[must_use]
    pub fn post_to_pyroscope(mut self, server: impl Into<String>) -> Self {
        self.sinks.push(Sink::Pyroscope(server.into()));
        self
    }

    /// Like [`Self::post_to_pyroscope`], to the HTTP receiver of an OpenTelemetry collector, such as
    /// `http://127.0.0.1:4318`.
    #[cfg(feature = "otlp")]
    #[must_use]
    pub fn post_to_otlp(mut self, server: impl Into<String>) -> Self {
        self.sinks.push(Sink::Otlp(server.into()));
        self
    }

    /// Also trusts the authorities in this file of certificates, for receivers with an `https` address.
    /// Default: the file in `HIGHWATER_CA_FILE`, if it is set, in addition to the system's authorities.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn cacert(mut self, file: impl Into<PathBuf>) -> Self {
        self.connections.cacert = Some(absolute(file.into()));
        self
    }

    /// Starts the watch's thread.
    ///
    /// # Errors
    /// When the directory cannot be used, when a receiver's address cannot be used, or when the system starts
    /// no thread.
    pub(crate) fn start(&self, counts: Arc<Counts>) -> Result<Watching, Error> {
        let failed = |source| Error::Directory { path: self.directory.clone(), source };
        let (directory, lock) = own_memory(|| place::take(&self.directory)).map_err(failed)?;
        let sinks = match self.sinks.as_slice() {
            [] => None,
            sinks => Some(Sinks::start(sinks, &self.connections, &counts)?),
        };
        let mut watcher =
            own_memory(|| Watcher::open(Self { directory, ..self.clone() }, counts, sinks, lock))
                .map_err(failed)?;
        let (stop, stopped) = own_memory(channel);
        let thread = thread::Builder::new()
            .name("highwater-watch".to_owned())
            .spawn(move || own_memory(move || watcher.run(stopped)))
            .map_err(Error::Thread)?;
        Ok(Watching { stop: OfProcess::new(stop), thread: Background::new(thread) })
    }
}

/// The absolute path: the program may change its working directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A running watch. Dropping this does not stop it.
#[derive(Debug)]
pub(crate) struct Watching {
    stop: OfProcess<Sender<()>>,
    thread: Background,
}

impl Watching {
    pub(crate) fn stop(self) {
        let stop = self.stop;
        own_memory(move || {
            if let Some(stop) = stop.here() {
                // The thread may have ended by itself.
                let _ = stop.send(());
            }
        });
        self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_stops() {
        let directory = tempfile::tempdir().unwrap();
        Watch::new(directory.path()).start(Arc::default()).unwrap().stop();
        assert!(directory.path().join("ring").is_dir());
    }
}
