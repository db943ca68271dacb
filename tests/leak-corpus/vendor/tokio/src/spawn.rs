//! A runtime of which the path does not tell the version: all that is like tokio here is the name of the directory.

use std::future::Future;

/// A block as tokio's are aligned.
#[repr(align(128))]
struct Task<F>(#[expect(dead_code, reason = "nobody runs it")] F);

/// Makes a task that nobody will ever run.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    Box::leak(Box::new(Task(future)));
}
