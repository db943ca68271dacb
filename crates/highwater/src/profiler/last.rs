//! The profilers that are there, for what is to be written when the process ends without dropping them.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use highwater_recorder::{EndSignal, own_memory};

use super::{Running, complain};
use crate::Error;

/// How long the end of the process waits for a thread that is just writing. One that will never be done, as after a fork in
/// the middle of it, does not keep the process.
const PATIENCE: Duration = Duration::from_secs(10);

static PROFILERS: Mutex<Vec<Arc<Running>>> = Mutex::new(Vec::new());

/// From now on the profiler is finished when the process exits.
pub(super) fn add(profiler: &Arc<Running>) {
    highwater_recorder::at_exit(finish_all);
    own_memory(|| {
        if let Some(mut profilers) = lock_in_time(&PROFILERS) {
            profilers.push(Arc::clone(profiler));
        }
    });
}

/// The profiler is dropped.
pub(super) fn remove(profiler: &Arc<Running>) {
    own_memory(|| {
        if let Some(mut profilers) = lock_in_time(&PROFILERS) {
            profilers.retain(|it| !Arc::ptr_eq(it, profiler));
        }
    });
}

/// The lock of a value, if it can be had in time.
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

/// Writes what each profiler is to write at its end.
fn finish_all() {
    // A panic may not pass through the C library; it is on standard error already.
    let _ = std::panic::catch_unwind(|| {
        let profilers = own_memory(|| lock_in_time(&PROFILERS).map(|it| it.clone()).unwrap_or_default());
        for profiler in &profilers {
            if let Err(error) = profiler.finish() {
                complain(&error);
            }
        }
        own_memory(|| drop(profilers));
    });
}

/// As [`finish_all`], for a process that may go on.
fn write_all() {
    let profilers = own_memory(|| lock_in_time(&PROFILERS).map(|it| it.clone()).unwrap_or_default());
    for profiler in &profilers {
        if let Err(error) = profiler.write() {
            complain(&error);
        }
    }
    own_memory(|| drop(profilers));
}

/// From now on a signal that asks the process to end has the profilers finished first.
///
/// # Errors
/// When the system does not allow it, or starts no thread.
pub(super) fn catch_signals() -> Result<(), Error> {
    static STARTING: Mutex<()> = Mutex::new(());
    /// The process that has the thread; a child of a fork has not.
    static STARTED_IN: AtomicU32 = AtomicU32::new(0);
    let _alone = lock_in_time(&STARTING);
    let failed = |source| Error::Signals { source };
    if !highwater_recorder::catch_end_signals() {
        return Err(failed(std::io::Error::last_os_error()));
    }
    if STARTED_IN.load(Ordering::Acquire) != process::id() {
        let thread = thread::Builder::new().name("highwater-end".to_owned());
        thread.spawn(wait_for_signals).map_err(failed)?;
        STARTED_IN.store(process::id(), Ordering::Release);
    }
    Ok(())
}

fn wait_for_signals() {
    while let Some(signal) = highwater_recorder::next_signal() {
        act_on(signal);
    }
}

fn act_on(signal: EndSignal) {
    if signal.is_handled() {
        // What becomes of the process is for the program's own handler to decide.
        write_all();
    } else {
        finish_all();
        highwater_recorder::end_by(signal);
    }
}
