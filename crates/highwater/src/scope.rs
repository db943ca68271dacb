//! Names for parts of a program's work, recorded with its samples.

use std::thread::{self, JoinHandle};

use highwater_recorder::scope;

/// Keeps the calling thread in a scope until this is dropped. Scopes must be left in the reverse order of
/// entering.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Scope {
    _entered: scope::Entered,
}

/// Enters a scope: allocations of the calling thread carry the label `scope` with this name until the result
/// is dropped. Names of enclosing scopes come first (`import/parse`). Paths are cut at 200 bytes.
///
/// ```
/// let _import = highwater::scope("import");
/// {
///     let _parse = highwater::scope("parse"); // samples carry `import/parse`
/// }
/// ```
///
/// Each distinct path is stored until the process ends, so use names for kinds of work, not for single
/// requests.
pub fn scope(name: &str) -> Scope {
    Scope { _entered: scope::enter(name) }
}

/// Returns a closure that runs in the scope of this call, on any thread: for thread pools and thread
/// builders.
///
/// ```
/// let _import = highwater::scope("import");
/// let work = highwater::in_scope(|| vec![1, 2, 3]);
/// let worker = std::thread::Builder::new().name("worker".into()).spawn(work)?;
/// # worker.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn in_scope<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let scope = scope::current();
    move || {
        let _entered = scope::enter_exactly(scope);
        work()
    }
}

/// Starts a thread in the calling thread's scope: [`std::thread::spawn`] with [`in_scope`].
///
/// # Panics
/// When the system cannot start a thread.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(in_scope(work))
}
