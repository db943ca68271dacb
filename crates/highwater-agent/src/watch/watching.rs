//! A watch that runs: starts its thread, and stops it.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use highwater::Background;
use highwater_recorder::own_memory;

use super::place;
use super::settings::Watch;
use super::sink::Sinks;
use super::watcher::Watcher;
use crate::counts::Counts;
use crate::error::Error;
use crate::of_process::OfProcess;

/// Starts the watch's thread.
///
/// # Errors
/// When the directory cannot be used, when a receiver's address cannot be used, or when the system starts
/// no thread.
pub(crate) fn start(watch: &Watch, counts: Arc<Counts>) -> Result<Watching, Error> {
    let failed = |source| Error::Directory { path: watch.directory.clone(), source };
    let (directory, lock) = own_memory(|| place::take(&watch.directory)).map_err(failed)?;
    let sinks = match watch.sinks.as_slice() {
        [] => None,
        sinks => Some(Sinks::start(sinks, &watch.connections, &counts)?),
    };
    let mut watcher = own_memory(|| Watcher::open(Watch { directory, ..watch.clone() }, counts, sinks, lock))
        .map_err(failed)?;
    let (stop, stopped) = own_memory(channel);
    let thread = thread::Builder::new()
        .name("highwater-watch".to_owned())
        .spawn(move || own_memory(move || watcher.run(stopped)))
        .map_err(Error::Thread)?;
    Ok(Watching { stop: OfProcess::new(stop), thread: Background::new(thread) })
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
        start(&Watch::new(directory.path()), Arc::default()).unwrap().stop();
        assert!(directory.path().join("ring").is_dir());
    }
}
