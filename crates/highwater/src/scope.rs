//! Names for what a program is doing, on the samples recorded meanwhile.

use std::thread::{self, JoinHandle};

use highwater_recorder::scope;

/// Keeps the calling thread in a scope until it is dropped. Scopes are to be left in the reverse order of entering.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Scope {
    _entered: scope::Entered,
}

/// Enters a scope: what the calling thread allocates until the result is dropped carries the label `scope` with this
/// name, behind those of the scopes around it (`import/parse`). Paths are cut at 200 bytes.
///
/// ```
/// let _import = highwater::scope("import");
/// {
///     let _parse = highwater::scope("parse"); // samples carry `import/parse`
/// }
/// ```
///
/// Each distinct path is stored for the life of the process, so a name is a kind of work and not a request's number.
pub fn scope(name: &str) -> Scope {
    Scope { _entered: scope::enter(name) }
}

/// Makes a closure run in the scope in which this function is called, in whatever thread it is run: for thread pools and
/// thread builders.
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

/// Starts a thread that is in the calling thread's scope: [`std::thread::spawn`] with [`in_scope`].
///
/// # Panics
/// When the system cannot start a thread.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(in_scope(work))
}
