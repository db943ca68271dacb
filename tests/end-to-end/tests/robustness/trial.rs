//! Tries many damaged files at once, and detects a panic, a hang, or too much memory.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::damage::Damage;

/// Maximum time for a reader on a golden, even on a busy machine.
pub const LONGEST: Duration = Duration::from_secs(4);

/// Maximum growth of the process: the limits of a few threads, and overhead of the allocator.
pub const MOST_BYTES: u64 = 768 << 20;

/// A fault of a reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    golden: String,
    damage: Damage,
    pub what: String,
}

impl Fault {
    pub fn new(golden: &str, damage: Damage, what: &str) -> Self {
        Self { golden: golden.to_owned(), damage, what: what.to_owned() }
    }
}

/// Passes every damaged golden to `read`, on as many threads as there are processors.
///
/// A reader that never returns would hang the test, which CI ends; one that only takes long is named.
pub fn run(trials: Vec<(&str, &[u8], Damage)>, read: impl Fn(&[u8]) + Sync) -> Vec<Fault> {
    static ALONE: Mutex<()> = Mutex::new(());
    // Memory and panics belong to the whole process.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write("/proc/self/clear_refs", "5").expect("the highest memory use is forgotten");
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let before = resident_bytes("VmRSS:");
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let work = || {
        while let Some(&(golden, content, damage)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            let damaged = damage.apply(content);
            let started = Instant::now();
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| read(&damaged)));
            let time = started.elapsed();
            let fault = |what: String| faults.lock().unwrap().push(Fault::new(golden, damage, &what));
            if let Err(payload) = outcome {
                fault(format!("panicked: {}", text(&*payload)));
            }
            if time > LONGEST {
                fault(format!("took {:.1} s", time.as_secs_f64()));
            }
            if resident_bytes("VmHWM:") > before + MOST_BYTES && faults.lock().unwrap().is_empty() {
                let what = format!(
                    "memory grew by more than {MOST_BYTES} bytes, by this one or one at the same time"
                );
                faults.lock().unwrap().push(Fault::new(golden, damage, &what));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, |it| it.get()).min(4);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    panic::set_hook(hook);
    faults.into_inner().unwrap()
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// The kernel's value for this process's memory.
fn resident_bytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
