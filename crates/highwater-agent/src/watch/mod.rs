//! The watch: reads how much memory is in use, keeps the latest snapshots on disk, and leaves an incident folder when a rule
//! says so, before the kernel ends the process.
//!
//! Nothing that fails ends it: what cannot be read or written is counted, and tried again the next time.

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
    connections: Connections,
}

impl Watch {
    /// A watch that writes below `directory`, which is made if it is missing. A second process with the same directory writes to
    /// `worker-2` below it. It keeps a ring of snapshots and the highest
    /// peak; incidents need one of [`Self::at_fraction`], [`Self::at_bytes`] or [`Self::on_growth`].
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

    /// An incident when this fraction of the nearest limit is in use, whoever uses it, without the [reserve](Self::reserve) of the
    /// watch, or when no more than the reserve is left. The limit is one of a control group, of the process, or
    /// of the machine's memory. May be given several times.
    #[must_use]
    pub fn at_fraction(mut self, fraction: f64) -> Self {
        self.thresholds.push(Reason::Fraction(fraction));
        self
    }

    /// An incident when the service itself uses so many bytes: in the working set of its container if that has a limit, and
    /// otherwise in its resident set. The [reserve](Self::reserve) of the watch does not count. May be given several times.
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
    /// times, with pauses that double. An address that begins with `https` needs the feature `tls`; it is told only if its
    /// certificate is right.
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

    /// Sends the profile of each incident to the Pyroscope server at this address, such as `http://127.0.0.1:4040`, under the
    /// name of the program's file: live bytes and blocks, with names. It is tried as often as with [`Self::post`].
    #[must_use]
    pub fn post_to_pyroscope(mut self, server: impl Into<String>) -> Self {
        self.sinks.push(Sink::Pyroscope(server.into()));
        self
    }

    /// As [`Self::post_to_pyroscope`], to the HTTP receiver of an OpenTelemetry collector, such as `http://127.0.0.1:4318`.
    #[cfg(feature = "otlp")]
    #[must_use]
    pub fn post_to_otlp(mut self, server: impl Into<String>) -> Self {
        self.sinks.push(Sink::Otlp(server.into()));
        self
    }

    /// Trusts the authorities in this file of certificates, too, when a receiver has an `https` address. Default: the file that
    /// `HIGHWATER_CA_FILE` names, if it is set, besides the authorities of the system.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn cacert(mut self, file: impl Into<PathBuf>) -> Self {
        self.connections.cacert = Some(absolute(file.into()));
        self
    }

    /// Starts the watch's thread.
    ///
    /// # Errors
    /// When the directory cannot be used, somebody is to be told who cannot be, or the system starts no thread.
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

/// The path from the root: the program may change to another directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A watch that goes on until it is stopped. Dropping this does not stop it.
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
                // It may have ended by itself.
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
