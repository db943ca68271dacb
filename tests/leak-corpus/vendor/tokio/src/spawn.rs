//! A runtime whose path contains no version: only the directory has tokio's name.

use std::future::Future;

/// A block with the alignment of tokio's.
#[repr(align(128))]
struct Task<F>(#[expect(dead_code, reason = "nobody runs it")] F);

/// Makes a task that never runs.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    Box::leak(Box::new(Task(future)));
}
