//! The thread that takes snapshots and writes them, one after the other, so that no connection waits for another's and
//! no number of clients costs more memory than a few.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use highwater::Snapshot;
use highwater_runtime::own_memory;
use tokio::sync::{Semaphore, oneshot};

use crate::reply::Refusal;

/// Work that may wait for its turn. What comes on top is refused.
const MAX_WAITING: usize = 8;

/// Differences over a time that may be under way: each keeps a snapshot in memory.
const MAX_DELTAS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// The way to that thread. It ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Captures {
    jobs: SyncSender<Job>,
    deltas: Arc<Semaphore>,
}

impl Captures {
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (jobs, waiting, deltas) = own_memory(|| {
            let (jobs, waiting) = sync_channel(MAX_WAITING);
            (jobs, waiting, Arc::new(Semaphore::new(MAX_DELTAS)))
        });
        thread::Builder::new()
            .name("highwater-snap".to_owned())
            .spawn(move || own_memory(|| work(waiting)))?;
        Ok(Self { jobs, deltas })
    }

    /// Runs `work` when its turn comes, unless nobody waits for the result any more.
    ///
    /// # Errors
    /// When too much is waiting already, or `work` panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, result) = oneshot::channel();
        let job = move || {
            if !reply.is_closed() {
                // The client may have gone meanwhile.
                let _ = reply.send(work());
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|_| Refusal::busy())?;
        result.await.map_err(|_| Refusal::failed("the capture failed; the program goes on"))
    }

    /// A snapshot of now, or of what happens within `time`.
    ///
    /// # Errors
    /// When too much is under way already, or nothing is recorded.
    pub(crate) async fn snapshot(&self, time: Option<Duration>) -> Result<Snapshot, Refusal> {
        let Some(time) = time else { return self.run(Snapshot::capture).await?.map_err(not_recorded) };
        let _permit = self.deltas.try_acquire().map_err(|_| Refusal::busy())?;
        let base = self.run(Snapshot::capture).await?.map_err(not_recorded)?;
        tokio::time::sleep(time).await;
        self.run(move || Snapshot::capture().map(|now| now.since(&base))).await?.map_err(not_recorded)
    }
}

fn work(waiting: Receiver<Job>) {
    for job in waiting {
        // Whoever waits for the result sees that there is none. The next one shall have its turn.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

fn not_recorded(error: highwater::Error) -> Refusal {
    Refusal::new(hyper::StatusCode::NOT_IMPLEMENTED, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn work_that_panics_does_not_end_the_thread() {
        let captures = Captures::start().unwrap();
        let failed: Result<(), Refusal> = block_on(captures.run(|| std::panic::panic_any("planted")));
        assert_eq!(failed.unwrap_err().status, 500);
        assert_eq!(block_on(captures.run(|| 7)).unwrap(), 7);
    }

    #[test]
    fn what_is_too_much_is_refused_and_then_forgotten() {
        let captures = Captures::start().unwrap();
        let (go_on, held) = channel::<()>();
        block_on(async {
            let holding = tokio::spawn({
                let captures = captures.clone();
                async move { captures.run(move || held.recv()).await }
            });
            tokio::task::yield_now().await;
            let mut waiting = Vec::new();
            let mut refused = 0;
            for _ in 0..3 * MAX_WAITING {
                let captures = captures.clone();
                waiting.push(tokio::spawn(async move { captures.run(|| ()).await }));
            }
            go_on_after(&waiting, go_on).await;
            for each in waiting {
                refused += usize::from(each.await.unwrap().is_err_and(|it| it.status == 503));
            }
            // The one that holds the thread may still have stood in the queue.
            assert!((2 * MAX_WAITING..=2 * MAX_WAITING + 1).contains(&refused), "{refused}");
            assert!(holding.await.unwrap().unwrap().is_ok());
            assert!(captures.run(|| ()).await.is_ok());
        });
    }

    /// Lets the thread go on when all that is to be refused has been.
    async fn go_on_after<T>(waiting: &[tokio::task::JoinHandle<T>], go_on: std::sync::mpsc::Sender<()>) {
        while waiting.iter().filter(|it| it.is_finished()).count() < 2 * MAX_WAITING {
            tokio::task::yield_now().await;
        }
        go_on.send(()).unwrap();
    }

    #[test]
    fn a_program_without_the_allocator_is_told_what_to_add() {
        let refusal = block_on(Captures::start().unwrap().snapshot(None)).unwrap_err();
        assert_eq!(refusal.status, 501);
        assert!(refusal.reason.contains("#[global_allocator]"), "{}", refusal.reason);
    }
}
