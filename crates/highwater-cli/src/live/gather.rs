//! Where new snapshots come from, on a thread of its own: a slow server and a file that cannot be read hold nobody up.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use highwater_profile::file::{self, FileError};
use highwater_profile::{Limits, ReadError};

use super::kept::Kept;
use crate::series::changed_ns;
use crate::watch::{Run, Shot, Source, facts, now_ns};

/// What there is to tell a screen.
#[derive(Debug)]
pub(crate) enum News {
    /// The next snapshot.
    Snapshot(Box<Kept>),
    /// What comes is of another process, or is not to be compared with what came: in words.
    Break(String),
    /// There was none, or one that cannot be used: in words.
    Trouble(String),
    /// So many files are no profiles at all.
    Others(usize),
    /// All that there was has been looked at.
    Looked,
}

/// How to look for snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking {
    /// Time between two looks.
    pub(crate) every: Duration,
    /// How long a server may take.
    pub(crate) timeout: Duration,
    /// Most files to take in at once.
    pub(crate) most: usize,
    pub(crate) limits: Limits,
}

/// Takes snapshots in.
pub(crate) struct Gatherer {
    source: Source,
    looking: Looking,
    run: Run,
    taken: usize,
    news: SyncSender<News>,
}

/// Nobody listens any more.
pub(crate) struct Gone;

impl Gatherer {
    pub(crate) fn new(source: Source, looking: Looking, news: SyncSender<News>) -> Self {
        Self { source, looking, run: Run::default(), taken: 0, news }
    }

    /// Looks every so often, and whenever `wishes` has something, until nobody listens.
    pub(crate) fn go_on(mut self, wishes: &Receiver<()>) {
        loop {
            // A fault of ours in one snapshot must not keep the next from coming.
            let looked = panic::catch_unwind(AssertUnwindSafe(|| self.look()));
            let told = looked.unwrap_or_else(|fault| self.tell(News::Trouble(super::fault(&*fault))));
            if told.and_then(|()| self.tell(News::Looked)).is_err() {
                return;
            }
            match wishes.recv_timeout(self.looking.every) {
                // Several wishes while one was fulfilled are one.
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
                // The message of a file names it already.
                Err(Unusable::File(error)) => self.tell(News::Trouble(error.to_string()))?,
                Err(reason) => self.tell(News::Trouble(format!("{}: {reason}", path.display())))?,
            }
        }
        if others > 0 { self.tell(News::Others(others)) } else { Ok(()) }
    }

    /// Takes a snapshot in, if it is one and goes with those before it.
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
        // What is compared with what is decided by numbers; nobody asks for the file.
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
