//! Load: threads that keep the machine busy while the corpus runs.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Ends the load when it is dropped.
pub struct Load(Arc<AtomicBool>);

/// The number in an environment variable, or the default.
pub fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |it| it.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Starts as many busy threads per processor as `LEAK_CORPUS_LOAD` says.
pub fn start() -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let times = number("LEAK_CORPUS_LOAD", 0);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..times * processors {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    }
    Load(stop)
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
