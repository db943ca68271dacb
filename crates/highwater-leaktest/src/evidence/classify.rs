//! Which threads belong to the whole process rather than to the test that happened to be first.
//!
//! The stack it was started on tells: what passes through the initialisation of a `Once` or one of its kin
//! happens once in a process. A thread that such a thread starts belongs to the process too. A thread's name
//! tells nothing.

use highwater_hooks::{Spawner, Thread};
use highwater_names::qualified;

use super::symbols;
use crate::finding::{Frame, Origin};

/// Parts of function names, and what it means to pass through one. With line tables only a method is called
/// by the module's path and its own name, without its type.
type Places = &'static [(&'static str, &'static str)];

/// What happens once in a process.
const ONCE: Places = &[
    ("std::sync::once::Once::call", "std::sync::Once"),
    ("std::sync::poison::once::Once::call", "std::sync::Once"),
    ("std::sys::sync::once::", "std::sync::Once"),
    ("std::sync::once_lock::OnceLock", "std::sync::OnceLock"),
    ("std::sync::lazy_lock::LazyLock", "std::sync::LazyLock"),
    ("once_cell::imp::", "once_cell"),
    ("once_cell::imp_std::", "once_cell"),
    ("once_cell::sync::", "once_cell"),
    ("lazy_static::lazy::Lazy", "lazy_static"),
    ("parking_lot::once::", "parking_lot::Once"),
    ("async_lock::once_cell::", "async_lock::OnceCell"),
];

/// Pools of the process that grow when they are used.
const POOLS: Places = &[
    ("rayon_core::registry::global_registry", "rayon's global pool"),
    ("async_io::driver::", "async-io's driver"),
    ("async_global_executor::", "async-global-executor's pool"),
    ("blocking::Executor::grow_pool", "the pool of the crate blocking"),
    ("blocking::grow_pool", "the pool of the crate blocking"),
];

/// The pool that a thread is of whose threads may wait for work, by where it was started.
///
/// tokio starts threads for calls that may block, and the workers of a runtime are such calls. The first
/// thread becomes the worker, and a thread that has nothing to do any more ends after ten seconds.
pub(crate) fn pool(spawned: &[Frame]) -> Option<&'static str> {
    let passes = |name: &str| spawned.iter().any(|it| it.function.contains(name));
    let is_of_pool = passes("tokio::runtime::blocking::pool::Spawner::spawn_thread")
        && !passes("tokio::runtime::scheduler::multi_thread::worker::Launch::launch");
    is_of_pool.then_some("tokio's pool for calls that may block")
}

/// Whether a thread of such a pool waits for work, by where it is. What a call does that never ends is a task
/// that is left, and the thread is then in the program's own code.
pub(crate) fn is_at_rest(now: &[usize]) -> bool {
    let frames = symbols::spawn_frames(now);
    let passes = |part: &str| frames.iter().any(|it| it.function.contains(part));
    let is_own = frames.iter().any(|it| it.origin == Origin::Own && it.file.is_some());
    // Without debug information what a call does may be a part of what runs it. A worker is such a call, too.
    let runs_a_call =
        passes("tokio::runtime::task::") && !passes("tokio::runtime::scheduler::multi_thread::worker::");
    !now.is_empty() && !is_own && !runs_a_call
}

/// The pool of the process whose thread this is, if it runs jobs that tests hand to it.
pub(crate) fn pool_of_jobs(thread: &Thread) -> Option<&'static str> {
    /// Pools whose idle threads are in the pool's own code.
    const OF_JOBS: Places = &[POOLS[0], POOLS[3], POOLS[4]];
    first_of([OF_JOBS], &symbols::spawn_frames(thread.spawn_stack()))
}

/// What of the process these calls initialise, if they do.
pub(crate) fn once(frames: &[Frame]) -> Option<&'static str> {
    first_of([ONCE], frames)
}

/// What this thread, or one from which it descends, was started in that belongs to the process; `None` when
/// it belongs to the test.
pub(crate) fn global(thread: &Thread) -> Option<&'static str> {
    let mut thread = thread.clone();
    // A chain of threads that start each other may be of any length, and all but the last few have ended.
    for _generation in 0..64 {
        if let Some(place) = symbols::first_of(thread.spawn_stack(), |it| place_of([ONCE, POOLS], it)) {
            return Some(place);
        }
        let Spawner::Thread(spawner) = thread.spawner() else { return None };
        thread = spawner.clone();
    }
    None
}

/// What of the process these calls initialise, or grow.
pub(crate) fn passes_through(frames: &[Frame]) -> Option<&'static str> {
    first_of([ONCE, POOLS], frames)
}

fn first_of<const N: usize>(places: [Places; N], frames: &[Frame]) -> Option<&'static str> {
    frames.iter().find_map(|it| place_of(places, it))
}

fn place_of<const N: usize>(places: [Places; N], frame: &Frame) -> Option<&'static str> {
    // The crate may be the one under test, or lie beside it.
    let by_place = frame.file.as_ref().and_then(|file| qualified::by_place(&frame.function, file));
    let function = by_place.as_ref().unwrap_or(&frame.function);
    let place = places.into_iter().flatten().find(|(part, _)| function.contains(part));
    place.map(|(_, name)| *name)
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod tests {
    use std::sync::{LazyLock, Once, OnceLock, mpsc};
    use std::thread;

    use highwater_hooks::Scope;

    use super::*;

    fn held() -> mpsc::Sender<()> {
        let (sender, receiver) = mpsc::channel::<()>();
        thread::spawn(move || receiver.recv());
        sender
    }

    /// What the only thread that `start` starts is taken for.
    fn taken_for<T>(start: impl FnOnce() -> T) -> Option<&'static str> {
        let scope = Scope::new();
        let entered = scope.enter();
        let _keep = start();
        drop(entered);
        let threads = scope.threads();
        assert_eq!(threads.len(), 1);
        global(&threads[0])
    }

    #[test]
    fn what_is_initialised_once_belongs_to_the_process() {
        static ONCE: Once = Once::new();
        static LOCK: OnceLock<mpsc::Sender<()>> = OnceLock::new();
        static LAZY: LazyLock<mpsc::Sender<()>> = LazyLock::new(held);
        let in_once = || {
            let mut kept = None;
            ONCE.call_once(|| kept = Some(held()));
            kept
        };
        assert!(taken_for(in_once).is_some());
        assert!(taken_for(|| LOCK.get_or_init(held).clone()).is_some());
        assert!(taken_for(|| LazyLock::force(&LAZY).clone()).is_some());
    }

    fn frame(function: &str, file: &str) -> Frame {
        Frame::at(function, file, 1, Origin::Own)
    }

    #[test]
    fn every_kind_of_cell_is_once_and_no_pool_is() {
        for (part, name) in ONCE {
            assert_eq!(once(&[frame(&format!("{part}x"), "/home/me/a/src/lib.rs")]), Some(*name), "{part}");
        }
        for (part, name) in POOLS {
            let frames = [frame(part, "/home/me/a/src/lib.rs")];
            assert_eq!((once(&frames), passes_through(&frames)), (None, Some(*name)), "{part}");
        }
    }

    #[test]
    fn a_pool_is_known_with_line_tables_only() {
        let pool = frame("grow_pool", "/home/me/blocking-1.7.0/src/lib.rs");
        assert_eq!(passes_through(&[pool]), Some("the pool of the crate blocking"));
        assert_eq!(passes_through(&[frame("grow_pool", "/home/me/mine/src/lib.rs")]), None);
    }

    #[test]
    fn what_a_test_starts_does_not() {
        assert_eq!(taken_for(held), None);
    }

    #[test]
    fn what_a_thread_of_the_process_starts_belongs_to_it_too() {
        static LOCK: OnceLock<mpsc::Sender<mpsc::Sender<mpsc::Sender<()>>>> = OnceLock::new();
        let child = || {
            let pool = LOCK.get_or_init(|| {
                let (sender, receiver) = mpsc::channel::<mpsc::Sender<mpsc::Sender<()>>>();
                thread::spawn(move || receiver.iter().for_each(|answer| answer.send(held()).unwrap_or(())));
                sender
            });
            let (sender, receiver) = mpsc::channel();
            pool.send(sender).expect("the pool lives");
            receiver.recv().expect("the pool answers")
        };
        let scope = Scope::new();
        let entered = scope.enter();
        let _keep = child();
        drop(entered);
        let threads = scope.threads();
        assert_eq!(threads.len(), 2, "the pool's thread and its child");
        assert!(threads.iter().all(|it| global(it).is_some()));
    }
}
