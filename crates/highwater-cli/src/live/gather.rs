//! Fetches new snapshots on a separate thread, so that a slow server or an unreadable file does not block the
//! screen.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use highwater_profile::file::{self, FileError};
use highwater_profile::{Limits, ReadError};

use super::kept::Kept;
use crate::series::changed_ns;
use crate::watch::{Run, Shot, Source, facts, now_ns};

/// A message to the screen.
#[derive(Debug)]
pub(crate) enum News {
    /// The next snapshot.
    Snapshot(Box<Kept>),
    /// The next snapshot is of another process, or cannot be compared with the previous ones: the reason, as
    /// text.
    Break(String),
    /// There was no snapshot, or it cannot be used: the reason, as text.
    Trouble(String),
    /// The number of files that are not profiles.
    Others(usize),
    /// All present snapshots have been looked at.
    Looked,
}

/// The options for fetching snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking {
    /// Time between two looks.
    pub(crate) every: Duration,
    /// Timeout of a request to a server.
    pub(crate) timeout: Duration,
    /// Maximum number of files to take in at once.
    pub(crate) most: usize,
    pub(crate) limits: Limits,
}

/// Fetches snapshots and sends them to the screen.
pub(crate) struct Gatherer {
    source: Source,
    looking: Looking,
    run: Run,
    taken: usize,
    news: SyncSender<News>,
}

/// The receiver of the messages is gone.
pub(crate) struct Gone;

impl Gatherer {
    pub(crate) fn new(source: Source, looking: Looking, news: SyncSender<News>) -> Self {
        Self { source, looking, run: Run::default(), taken: 0, news }
    }

    /// Looks at every interval, and whenever `wishes` has a message, until the receiver of the news is gone.
    pub(crate) fn go_on(mut self, wishes: &Receiver<()>) {
        loop {
            // A panic on one snapshot must not stop the following ones.
            let looked = panic::catch_unwind(AssertUnwindSafe(|| self.look()));
            let sent = looked.unwrap_or_else(|fault| self.tell(News::Trouble(super::fault(&*fault))));
            if sent.and_then(|()| self.tell(News::Looked)).is_err() {
                return;
            }
            match wishes.recv_timeout(self.looking.every) {
                // Several requests that arrived during one look need only one more look.
                Ok(()) => wishes.try_iter().for_each(drop),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) -> Result<(), Gone> {
        let Looking { timeout, most, limits, .. } = self.looking;
        match &mut self.source {
            Source::Endpoint(endpoint) => match endpoint.fetch(timeout, limits.unpacked_bytes()) {
                Err(error) => self.tell(News::Trouble(error.to_string())),
                Ok(bytes) => {
                    let name = endpoint.to_string();
                    self.take(name, bytes, now_ns(), true).map_err(|it| it.to_string()).or_else(|reason| {
                        self.tell(News::Trouble(format!("the answer cannot be used: {reason}")))
                    })
                }
            },
            Source::Directory(directory) => match directory.look(most, &limits) {
                Err(error) => {
                    let place = directory.path().display().to_string();
                    self.tell(News::Trouble(format!("cannot read {place}: {error}")))
                }
                Ok(paths) => self.take_files(&paths),
            },
        }
    }

    fn take_files(&mut self, paths: &[PathBuf]) -> Result<(), Gone> {
        let mut others = 0;
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let taken = match file::content(path, &self.looking.limits) {
                Ok(bytes) => self.take(name, bytes, changed_ns(path).unwrap_or_else(now_ns), false),
                Err(_) if !path.exists() => continue,
                Err(error) => Err(Unusable::File(error)),
            };
            match taken {
                Ok(()) => {}
                Err(Unusable::Gone) => return Err(Gone),
                Err(Unusable::Content(ReadError::UnknownFormat { .. })) => others += 1,
                // The message of a file error already names the file.
                Err(Unusable::File(error)) => self.tell(News::Trouble(error.to_string()))?,
                Err(reason) => self.tell(News::Trouble(format!("{}: {reason}", path.display())))?,
            }
        }
        if others > 0 { self.tell(News::Others(others)) } else { Ok(()) }
    }

    /// Takes a snapshot in, if it is a heap profile that continues the series.
    fn take(
        &mut self,
        name: String,
        bytes: Vec<u8>,
        came_ns: i64,
        arrived_later: bool,
    ) -> Result<(), Unusable> {
        let mut profile = highwater_profile::read(&bytes, &self.looking.limits).map_err(Unusable::Content)?;
        let totals = facts(&mut profile, came_ns).map_err(Unusable::Words)?;
        let judged = self.run.judge(&totals, arrived_later);
        if let Some(because) = judged.map_err(|it| Unusable::Words(it.to_string()))? {
            self.run.restart(because);
            self.tell(News::Break(because.to_string()))?;
        }
        // The comparison uses the numbers only, so the path is not needed.
        self.run.push(Shot { path: PathBuf::new(), facts: totals });
        self.run.retain(|_| false);
        self.taken += 1;
        let meta = profile.meta.unwrap_or_default();
        self.tell(News::Snapshot(Box::new(Kept {
            number: self.taken,
            series: self.run.number(),
            name,
            bytes,
            totals,
            rss_bytes: meta.rss_bytes,
            limit_bytes: meta.cgroup_limit_bytes,
        })))?;
        Ok(())
    }

    fn tell(&self, news: News) -> Result<(), Gone> {
        self.news.send(news).map_err(|_| Gone)
    }
}

/// Why a snapshot is not taken in.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("nobody listens")]
    Gone,
    #[error("{0}")]
    Content(ReadError),
    #[error("{0}")]
    File(FileError),
    #[error("{0}")]
    Words(String),
}

impl From<Gone> for Unusable {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}
