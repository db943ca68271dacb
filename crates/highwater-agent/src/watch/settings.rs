//! What to watch, and where to write.

use std::path::PathBuf;
use std::time::Duration;

use super::rule::{Growth, Reason};
use super::sink::{Connections, Sink};

/// What to watch, and where to write: see [`AgentBuilder::watch`](crate::AgentBuilder::watch).
///
/// Its directory contains `ring/` with the latest snapshots, `incidents/` with a folder for each incident,
/// and `peak.pb.gz`, the profile of the highest peak.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) directory: PathBuf,
    pub(super) thresholds: Vec<Reason>,
    pub(super) growth: Option<Growth>,
    pub(super) every: Duration,
    pub(super) snapshots_every: Duration,
    pub(super) max_snapshots: usize,
    pub(super) max_ring_bytes: u64,
    pub(super) max_incidents: usize,
    pub(super) cooldown: Duration,
    pub(super) peak_factor: f64,
    pub(super) reserved_bytes: usize,
    pub(super) sinks: Vec<Sink>,
    pub(super) connections: Connections,
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
}

/// The absolute path: the program may change its working directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}
