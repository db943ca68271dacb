//! Locks that the end of the process does not wait for without end.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum wait at the process's end for a thread that is writing. A thread that never finishes, such as
/// after a fork during the write, must not block the exit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Locks a value, if that is possible in time.
pub(super) fn lock_in_time<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let begin = Instant::now();
    loop {
        match mutex.try_lock() {
            Ok(it) => return Some(it),
            Err(TryLockError::Poisoned(it)) => return Some(it.into_inner()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}
