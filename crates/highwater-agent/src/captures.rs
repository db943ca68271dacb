//! The thread that takes snapshots and writes them one after the other, so that connections do not wait for
//! each other and many clients cost no more memory than a few. It also wakes tasks that wait for a time, so
//! the agent needs no timer of the runtime that answers a request.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use highwater::Snapshot;
use highwater_recorder::own_memory;
use tokio::sync::{Semaphore, oneshot};

use crate::of_process::OfProcess;
use crate::reply::Refusal;

/// Maximum jobs in the queue. Further ones are refused.
const MAX_WAITING: usize = 8;

/// Maximum running differences over a time: each keeps a snapshot in memory.
const MAX_DELTAS: usize = 4;

/// Maximum waiting alarms. Further ones are refused.
const MAX_ALARMS: usize = 1024;

/// A message to the thread.
enum Message {
    Work(Box<dyn FnOnce() + Send>),
    /// To be answered at this time.
    Alarm(Instant, oneshot::Sender<()>),
}

/// A handle to the thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Captures {
    thread: OfProcess<Sender<Message>>,
    /// The number of jobs in the queue.
    waiting: Arc<AtomicUsize>,
    deltas: Arc<Semaphore>,
}

impl Captures {
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (thread, messages, waiting, deltas) = own_memory(|| {
            let (thread, messages) = channel();
            (thread, messages, Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(MAX_DELTAS)))
        });
        let counted = Arc::clone(&waiting);
        thread::Builder::new()
            .name("highwater-snap".to_owned())
            .spawn(move || own_memory(|| work(messages, counted)))?;
        Ok(Self { thread: OfProcess::new(thread), waiting, deltas })
    }

    /// Runs `work` when its turn comes, unless the caller no longer waits for the result.
    ///
    /// # Errors
    /// When the queue is full, or `work` panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let thread = self.thread()?;
        let (reply, result) = oneshot::channel();
        let job = move || {
            if !reply.is_closed() {
                // The client may be gone by now.
                let _ = reply.send(work());
            }
        };
        let is_room = |waiting| (waiting < MAX_WAITING).then_some(waiting + 1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.waiting.fetch_update(set, get, is_room).map_err(|_| Refusal::busy())?;
        // The thread runs as long as a sender exists.
        let _ = thread.send(Message::Work(Box::new(job)));
        result.await.map_err(|_| Refusal::failed("the capture failed; the program goes on"))
    }

    /// The sender to the thread.
    ///
    /// # Errors
    /// When this process is the child of a fork, which does not have the thread.
    fn thread(&self) -> Result<&Sender<Message>, Refusal> {
        let forked = "this process was forked from the one in which the agent was started";
        self.thread.here().ok_or_else(|| Refusal::failed(forked))
    }

    /// Waits for this time.
    ///
    /// # Errors
    /// When too many tasks wait already; in the child of a fork, the errors of [`Self::run`].
    pub(crate) async fn sleep(&self, time: Duration) -> Result<(), Refusal> {
        let (alarm, rung) = oneshot::channel();
        // The thread runs, as in `run`.
        let _ = self.thread()?.send(Message::Alarm(Instant::now() + time, alarm));
        rung.await.map_err(|_| Refusal::busy())
    }

    /// A snapshot of the present, or of the allocations within `time`.
    ///
    /// # Errors
    /// When too many jobs run already, or nothing is recorded.
    pub(crate) async fn snapshot(&self, time: Option<Duration>) -> Result<Snapshot, Refusal> {
        let Some(time) = time else { return self.run(Snapshot::capture).await?.map_err(not_recorded) };
        let _permit = self.deltas.try_acquire().map_err(|_| Refusal::busy())?;
        let base = self.run(Snapshot::capture).await?.map_err(not_recorded)?;
        self.sleep(time).await?;
        self.run(move || Snapshot::capture().map(|now| now.since(&base))).await?.map_err(not_recorded)
    }
}

fn work(messages: Receiver<Message>, waiting: Arc<AtomicUsize>) {
    let mut alarms: Vec<(Instant, oneshot::Sender<()>)> = Vec::new();
    loop {
        let message = match alarms.iter().map(|(time, _)| *time).min() {
            Some(next) => messages.recv_timeout(next.saturating_duration_since(Instant::now())),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Work(job)) => {
                waiting.fetch_sub(1, Ordering::Relaxed);
                // If a job panics, its caller sees a missing result, and the next job still runs.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
            Ok(Message::Alarm(time, alarm)) => {
                // Alarms of callers that are gone must not use up the limit.
                alarms.retain(|(_, alarm)| !alarm.is_closed());
                if alarms.len() < MAX_ALARMS {
                    alarms.push((time, alarm));
                }
                // Otherwise the alarm is dropped, and its caller answers with status 503.
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        for (_, alarm) in alarms.extract_if(.., |(time, alarm)| *time <= now || alarm.is_closed()) {
            // The waiting task may be gone.
            let _ = alarm.send(());
        }
    }
}

/// Checks that snapshots are possible.
///
/// # Errors
/// When this program does not use the allocator, so that nothing is recorded.
pub(crate) fn check() -> Result<(), Refusal> {
    highwater::mode().map(drop).ok_or_else(|| not_recorded(highwater::Error::NotInstalled))
}

fn not_recorded(error: highwater::Error) -> Refusal {
    Refusal::new(hyper::StatusCode::NOT_IMPLEMENTED, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn work_that_panics_does_not_end_the_thread() {
        let captures = Captures::start().unwrap();
        let failed: Result<(), Refusal> = block_on(captures.run(|| std::panic::panic_any("planted")));
        assert_eq!(failed.unwrap_err().status, 500);
        assert_eq!(block_on(captures.run(|| 7)).unwrap(), 7);
    }

    #[test]
    fn excess_jobs_are_refused_and_later_ones_run() {
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
            // The job that holds the thread may still be in the queue.
            assert!((2 * MAX_WAITING..=2 * MAX_WAITING + 1).contains(&refused), "{refused}");
            assert!(holding.await.unwrap().unwrap().is_ok());
            assert!(captures.run(|| ()).await.is_ok());
        });
    }

    /// Lets the thread continue after all jobs beyond the limit were refused.
    async fn go_on_after<T>(waiting: &[tokio::task::JoinHandle<T>], go_on: std::sync::mpsc::Sender<()>) {
        while waiting.iter().filter(|it| it.is_finished()).count() < 2 * MAX_WAITING {
            tokio::task::yield_now().await;
        }
        go_on.send(()).unwrap();
    }

    #[test]
    fn alarms_are_in_time_and_bounded() {
        let captures = Captures::start().unwrap();
        block_on(async {
            let begin = Instant::now();
            let long = tokio::spawn({
                let captures = captures.clone();
                async move { captures.sleep(Duration::from_secs(3_600)).await }
            });
            captures.sleep(Duration::from_millis(20)).await.unwrap();
            assert!(begin.elapsed() >= Duration::from_millis(20));
            let mut waiting: Vec<_> =
                (0..MAX_ALARMS).map(|_| Box::pin(captures.sleep(Duration::from_secs(3_600)))).collect();
            // Each sleep sends its alarm when it is first polled; the last one exceeds the limit.
            let last = std::future::poll_fn(|context| {
                for each in &mut waiting {
                    let polled = each.as_mut().poll(context);
                    if polled.is_ready() {
                        return polled;
                    }
                }
                std::task::Poll::Pending
            });
            assert_eq!(last.await.unwrap_err().status, 503);
            drop(waiting);
            captures.sleep(Duration::ZERO).await.unwrap();
            assert!(!long.is_finished());
            long.abort();
        });
    }

    #[test]
    fn an_error_names_the_missing_allocator() {
        let refusal = block_on(Captures::start().unwrap().snapshot(None)).unwrap_err();
        assert_eq!(refusal.status, 501);
        assert!(refusal.reason.contains("#[global_allocator]"), "{}", refusal.reason);
    }
}
