//! The list of running profilers, for writing their last snapshots if the process ends without dropping them.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use highwater_recorder::{EndSignal, own_memory};

use super::complain::complain;
use super::lock::lock_in_time;
use super::running::Running;
use crate::error::Error;

static PROFILERS: Mutex<Vec<Arc<Running>>> = Mutex::new(Vec::new());

/// Registers a profiler to be finished when the process exits.
pub(super) fn add(profiler: &Arc<Running>) {
    highwater_recorder::at_exit(finish_all);
    own_memory(|| {
        if let Some(mut profilers) = lock_in_time(&PROFILERS) {
            profilers.push(Arc::clone(profiler));
        }
    });
}

/// Removes a dropped profiler.
pub(super) fn remove(profiler: &Arc<Running>) {
    own_memory(|| {
        if let Some(mut profilers) = lock_in_time(&PROFILERS) {
            profilers.retain(|it| !Arc::ptr_eq(it, profiler));
        }
    });
}

/// Writes the last snapshot of each profiler.
fn finish_all() {
    // A panic must not pass through C code; its message is already on standard error.
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

/// Like [`finish_all`], for a process that may continue.
fn write_all() {
    let profilers = own_memory(|| lock_in_time(&PROFILERS).map(|it| it.clone()).unwrap_or_default());
    for profiler in &profilers {
        if let Err(error) = profiler.write() {
            complain(&error);
        }
    }
    own_memory(|| drop(profilers));
}

/// From now on, profilers are finished before a signal ends the process.
///
/// # Errors
/// When signal handlers cannot be installed, or the system starts no thread.
pub(super) fn catch_signals() -> Result<(), Error> {
    static STARTING: Mutex<()> = Mutex::new(());
    /// The process that has the thread. The child of a fork does not have it.
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
        // The program's own handler decides what happens to the process.
        write_all();
    } else {
        finish_all();
        highwater_recorder::end_by(signal);
    }
}
