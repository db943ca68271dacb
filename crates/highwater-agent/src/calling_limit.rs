//! A limit that the program sets itself, to act on its memory while there is time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use highwater_recorder::own_memory;

use crate::error::Error;
use crate::of_process::OfProcess;
use crate::watch::{Judge, Reason, Use};

/// Time between two readings of memory.
const EVERY: Duration = Duration::from_millis(100);

/// A limit that is in force until this value is dropped.
#[derive(Debug)]
#[must_use = "the limit ends when this is dropped"]
pub struct SoftLimit {
    /// Dropping this ends the thread.
    _stop: OfProcess<Sender<()>>,
}

/// Calls `callback` with the bytes in use when they rise above `bytes`. The bytes in use are the live bytes
/// or the container's working set: the larger of the two. The callback runs on a thread of its own and not
/// within an allocation, so it may allocate, free and wait: to drop caches, or to refuse requests. The next
/// call comes after memory has fallen by 5 % and risen again. Memory is read ten times a second.
///
/// ```
/// let _limit = highwater_agent::soft_limit(512 << 20, |used_bytes| {
///     eprintln!("{used_bytes} bytes in use: dropping caches");
/// })?;
/// # Ok::<(), highwater_agent::Error>(())
/// ```
///
/// # Errors
/// When the system starts no thread.
pub fn soft_limit(bytes: u64, callback: impl FnMut(u64) + Send + 'static) -> Result<SoftLimit, Error> {
    watch(bytes, EVERY, used_bytes, callback)
}

fn used_bytes() -> u64 {
    let in_container = highwater::container().own_working_set_bytes.unwrap_or(0);
    highwater::stats().live_bytes.max(in_container)
}

fn watch(
    bytes: u64,
    every: Duration,
    read: impl Fn() -> u64 + Send + 'static,
    mut callback: impl FnMut(u64) + Send + 'static,
) -> Result<SoftLimit, Error> {
    let (stop, stopped) = channel::<()>();
    let run = move || {
        let mut judge = own_memory(|| Judge::new([Reason::Bytes(bytes)], None, Duration::ZERO));
        let begin = Instant::now();
        while own_memory(|| stopped.recv_timeout(every)) == Err(RecvTimeoutError::Timeout) {
            let used_bytes = read();
            let reading = Use { used_bytes, limit_bytes: None, own_bytes: used_bytes, reserved_bytes: 0 };
            if own_memory(|| judge.judge(begin.elapsed(), reading)).is_some() {
                // The panic message goes to standard error. The limit stays in force.
                let _ = catch_unwind(AssertUnwindSafe(|| callback(used_bytes)));
            }
        }
        own_memory(|| drop(judge));
    };
    thread::Builder::new().name("highwater-limit".to_owned()).spawn(run).map_err(Error::Thread)?;
    Ok(SoftLimit { _stop: OfProcess::new(stop) })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    /// The arguments of the callback when these values are read one after the other.
    fn calls(values: &'static [u64], panics: bool) -> Vec<u64> {
        let (read, is_read) = sync_channel(0);
        let (call, called): (_, Receiver<u64>) = channel();
        let next = Mutex::new(values.iter());
        let value = move || {
            let value = next.lock().unwrap().next().copied();
            // All values were read, so the test may end.
            value.unwrap_or_else(|| {
                let _ = read.send(());
                0
            })
        };
        let limit = watch(100, Duration::from_millis(1), value, move |used| {
            call.send(used).unwrap();
            if panics {
                std::panic::panic_any("planted");
            }
        });
        is_read.recv().unwrap();
        drop(limit);
        drop(is_read);
        called.try_iter().collect()
    }

    #[test]
    fn the_callback_is_called_once_for_each_rise() {
        assert_eq!(calls(&[10, 99, 100, 120, 96, 130, 94, 101], false), [100, 101]);
        assert_eq!(calls(&[10, 99], false), [0; 0]);
    }

    #[test]
    fn a_callback_that_panics_is_called_again() {
        assert_eq!(calls(&[200, 0, 300], true), [200, 300]);
    }
}
