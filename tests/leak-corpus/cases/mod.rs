//! Tests with threads of many origins, under whatever `#[test]` means in the program that includes this.

mod calls;
mod children;
mod descriptors;
mod endings;
mod executors;
mod globals;
mod outcomes;
mod pools;
mod runtimes;
mod std_threads;
mod tasks;

use std::thread;
use std::time::Duration;

/// What a thread does that never ends.
pub fn stay() {
    loop {
        thread::park();
    }
}

/// What a thread does that ends soon after its test.
pub fn linger() {
    thread::sleep(Duration::from_millis(60));
}

/// A thread's name to be.
pub fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}
