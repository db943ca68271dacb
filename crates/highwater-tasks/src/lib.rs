//! Recognises blocks of memory that are asynchronous tasks, by the stacks that allocated them.
//!
//! Every executor puts a task into one block, its **cell**, and frees it when the task is over and no handle
//! is left. So a live block that the executor's cell constructor allocated is a task, and the calls outside
//! of the executor show where it was spawned. This needs no feature of the executor, and no hook in it.
//!
//! The crate is about names and numbers only: it reads no memory and no file. [`classify`] takes the calls of
//! a stack, innermost first. [`call`] knows the package of a call, [`name`] takes types out of names,
//! and there is a file for each family of executors: [`tokio`], [`async_task`] (smol, async-executor and
//! their likes), [`futures`].
//!
//! The name of the constructor and the meaning of a cell's words depend on the executor. For a version that
//! this crate does not know, the answer is [`Allocation::Unclassified`], so that tasks are never missed
//! silently.
#![forbid(unsafe_code)]

mod async_task;
mod call;
mod futures;
mod name;
mod state;
mod tokio;

use highwater_names::plain::plain;

pub use call::{Call, Version};
pub use name::Future;
pub use state::State;

/// A family of executors with the same layout of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Executor {
    /// tokio's runtimes, its `LocalSet` and its pool for blocking calls.
    Tokio,
    /// Executors based on the crate async-task: async-executor, smol, async-std, the pool of the crate
    /// blocking.
    AsyncTask,
    /// `FuturesUnordered` of futures-util, and types based on it.
    Futures,
}

/// The purpose of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A task of the program.
    Task,
    /// A call of the program that may block.
    Blocking,
    /// A task that the executor needs for itself, such as a worker. It exists as long as the executor.
    Own,
}

/// A block that is a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The executor of the task.
    pub executor: Executor,
    /// The purpose of the cell.
    pub purpose: Purpose,
    /// Index of the executor's outermost call: the function that the program called to spawn the task. The
    /// calls after it are the program's.
    pub entry: usize,
    /// The type of the future, or of the closure of a blocking call. `None` if the names do not include it:
    /// names in symbol tables may lack types, names in debug information have them ([`future`]).
    pub future: Option<String>,
}

/// What a stack says about the block that it allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// The block is a task's cell.
    Cell(Cell),
    /// The block may be a cell: an executor allocated it, in a version whose constructors are not known.
    Unclassified {
        /// The executor of that task.
        executor: Executor,
        /// The version, if the path of the sources contains it.
        version: Option<Version>,
        /// Like [`Cell::entry`].
        entry: usize,
    },
    /// The block is not a task.
    Other,
}

impl Executor {
    /// All executors.
    pub const ALL: [Self; 3] = [Self::Tokio, Self::AsyncTask, Self::Futures];

    /// The name of the package that allocates the cells.
    pub fn package(self) -> &'static str {
        match self {
            Self::Tokio => tokio::PACKAGE,
            Self::AsyncTask => async_task::PACKAGE,
            Self::Futures => futures::PACKAGE,
        }
    }

    /// Offset in bytes of the word that [`Executor::state`] reads, from the beginning of a cell; `None` if no
    /// word says more than that the cell exists.
    pub fn state_at_bytes(self) -> Option<usize> {
        match self {
            Self::Tokio => Some(tokio::STATE_AT_BYTES),
            Self::AsyncTask => Some(async_task::STATE_AT_BYTES),
            Self::Futures => None,
        }
    }

    /// The meaning of that word; `None` if the word is not valid, which means that the layout is another one.
    pub fn state(self, word: usize) -> Option<State> {
        match self {
            Self::Tokio => tokio::state(word),
            Self::AsyncTask => async_task::state(word),
            Self::Futures => None,
        }
    }

    fn knows(self, version: Version) -> bool {
        match self {
            Self::Tokio => tokio::knows(version),
            Self::AsyncTask => async_task::knows(version),
            Self::Futures => futures::knows(version),
        }
    }

    fn is_constructor(self, call: &Call<'_>) -> bool {
        match self {
            Self::Tokio => tokio::is_constructor(call),
            Self::AsyncTask => async_task::is_constructor(call),
            Self::Futures => futures::is_constructor(call),
        }
    }

    fn is_own(self, inside: &[Call<'_>]) -> bool {
        match self {
            Self::Tokio => tokio::is_own(inside),
            Self::AsyncTask => async_task::is_own(inside),
            Self::Futures => false,
        }
    }
}

/// A mask for the first word of a tokio cell, and its value if a shutdown cancelled the task and the task is
/// over.
pub const CANCELLED_AND_OVER: (usize, usize) = tokio::CANCELLED_AND_OVER;

/// Whether the calls that freed a cell belong to the end of its executor.
pub fn ends_with_executor(executor: Executor, calls: &[Call<'_>]) -> bool {
    executor == Executor::Tokio && calls.iter().any(tokio::is_shutdown)
}

/// Whether a package with cells allocated the block. `calls` only needs the innermost calls of the stack, up
/// to the first one outside of the allocator. If this is false, [`classify`] would return
/// [`Allocation::Other`].
pub fn is_of_executor(calls: &[Call<'_>]) -> bool {
    let package = call::behind_allocator(calls).and_then(|first| calls[first].package());
    package.is_some_and(|it| Executor::ALL.iter().any(|executor| executor.package() == it.name))
}

/// Whether these calls tell all that [`classify`] asks of a stack, though others may lie outside of them.
pub fn is_told(calls: &[Call<'_>]) -> bool {
    let Some(first) = call::behind_allocator(calls) else { return false };
    let Some(package) = calls[first].package() else { return true };
    let Some(executor) = Executor::ALL.into_iter().find(|it| it.package() == package.name) else {
        return true;
    };
    let is_constructor = executor.is_constructor(&calls[first]);
    if !is_constructor && package.version.is_some_and(|it| executor.knows(it)) {
        return true;
    }
    let entry = entry(calls, first);
    // What is the executor's own stays so, wherever it was called from.
    calls[entry + 1..].iter().any(|it| !it.is_standard())
        || is_constructor && executor.is_own(&calls[first..=entry])
}

/// What allocated a block, by the calls of its stack, innermost first. They may begin inside of the
/// allocator.
pub fn classify(calls: &[Call<'_>]) -> Allocation {
    classify_with(calls, |_| None)
}

/// Like [`classify`]. `version` returns the version of a package in the program, for calls without a file
/// that names it.
pub fn classify_with(calls: &[Call<'_>], version: impl Fn(&str) -> Option<Version>) -> Allocation {
    let Some(first) = call::behind_allocator(calls) else { return Allocation::Other };
    let Some(package) = calls[first].package() else { return Allocation::Other };
    let Some(executor) = Executor::ALL.into_iter().find(|it| it.package() == package.name) else {
        return Allocation::Other;
    };
    let entry = entry(calls, first);
    let inside = &calls[first..=entry];
    let of_program = || calls[first].file.is_none().then(|| version(package.name)).flatten();
    let known_version = package.version.or_else(of_program);
    if !known_version.is_some_and(|it| executor.knows(it)) {
        // Any block that an unknown version allocates during a spawn may be the cell.
        let spawns = inside.iter().any(|it| it.name().contains("spawn") || executor.is_constructor(it));
        return match spawns {
            true => Allocation::Unclassified { executor, version: known_version, entry },
            false => Allocation::Other,
        };
    }
    if !executor.is_constructor(&calls[first]) {
        return Allocation::Other;
    }
    let (future, is_blocking) = match future(executor, calls[first].function) {
        Some(Future { name, is_blocking }) => (Some(name), is_blocking),
        None => (None, inside.iter().any(|it| it.name().starts_with("spawn_blocking"))),
    };
    let purpose = match is_blocking {
        _ if executor.is_own(inside) => Purpose::Own,
        true => Purpose::Blocking,
        false => Purpose::Task,
    };
    Allocation::Cell(Cell { executor, purpose, entry, future })
}

/// Whether a thread that was started by these calls runs the tasks of a runtime, and so the code of who
/// spawned them.
pub fn runs_tasks(calls: &[Call<'_>]) -> bool {
    calls.iter().find(|it| !it.is_standard()).is_some_and(Call::is_of_executors)
}

/// What a block is that begins with, or soon has, a pointer to a table of functions whose first one is called
/// `function`, with its types or without. That needs no debug information, and no call of the executor's left
/// in the stack `calls` that allocated the block.
pub fn classify_by_table(function: &str, calls: &[Call<'_>]) -> Option<Cell> {
    let path = plain(function);
    // A waker also has a table of functions, and may be in any block.
    let is_of_waker =
        ["clone_waker", "wake", "wake_by_ref", "drop_waker"].iter().any(|it| path.ends_with(it));
    let executor = match () {
        () if path == "tokio::runtime::task::raw::poll" => Executor::Tokio,
        () if path.starts_with("async_task::raw::RawTask::") && !is_of_waker => Executor::AsyncTask,
        () => return None,
    };
    let first = call::behind_allocator(calls).unwrap_or(0);
    let entry = if calls.is_empty() { 0 } else { entry(calls, first) };
    let inside = calls.get(first..=entry).unwrap_or(&[]);
    let future = match executor {
        Executor::Tokio => name::future(function, "tokio::runtime::task::raw::poll::<", "poll"),
        _ => name::future(function, "async_task::raw::RawTask<", "schedule"),
    };
    let is_blocking = future.as_ref().is_some_and(|it| it.is_blocking)
        || inside.iter().any(|it| it.name().starts_with("spawn_blocking"));
    let purpose = match is_blocking {
        _ if executor.is_own(inside) => Purpose::Own,
        true => Purpose::Blocking,
        false => Purpose::Task,
    };
    Some(Cell { executor, purpose, entry, future: future.map(|it| it.name) })
}

/// The outermost call of the executor and related packages, from the constructor at `first` outwards.
fn entry(calls: &[Call<'_>], first: usize) -> usize {
    let mut entry = first;
    for (place, call) in calls.iter().enumerate().skip(first) {
        if call.is_of_executors() {
            entry = place;
        } else if !call.is_standard() {
            break;
        }
    }
    entry
}

/// What a cell holds, by a name of its constructor with types in it: `new<app::work::{async_fn_env#0}, …>` as
/// debug information has it. `None` when there are none in it.
pub fn future(executor: Executor, constructor: &str) -> Option<Future> {
    match executor {
        Executor::Tokio => name::future(constructor, "tokio::runtime::task::core::Cell<", "new"),
        Executor::AsyncTask => name::future(constructor, "async_task::raw::RawTask<", "allocate"),
        Executor::Futures => {
            name::future(constructor, "futures_util::stream::futures_unordered::FuturesUnordered<", "push")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKIO: &str = "/home/me/.cargo/registry/src/index-1/tokio-1.54.1/src/";
    const CELL: (&str, &str) = ("tokio::runtime::task::core::Cell<T,S>::new", "runtime/task/core.rs");
    const SPAWN: (&str, &str) = ("tokio::task::spawn::spawn", "task/spawn.rs");
    const OTHER: (&str, &str) = ("tokio::sync::mpsc::chan::channel", "sync/mpsc/chan.rs");

    /// These calls of tokio behind the allocator's calls, and one call of the program.
    fn told(of_tokio: &[(&str, &str)], has_program: bool) -> (bool, Allocation) {
        let files: Vec<String> = of_tokio.iter().map(|(_, file)| format!("{TOKIO}{file}")).collect();
        let inside =
            Call { function: "alloc::alloc::alloc", file: Some("/rustc/0123/library/alloc/src/alloc.rs") };
        let mut calls = vec![inside];
        calls.extend(
            of_tokio.iter().zip(&files).map(|((function, _), file)| Call { function, file: Some(file) }),
        );
        calls.extend(
            has_program.then_some(Call { function: "app::work", file: Some("/home/me/app/src/a.rs") }),
        );
        (is_told(&calls), classify(&calls))
    }

    #[test]
    fn no_more_calls_are_asked_for_than_tell() {
        // Where the executor's calls end is not known before there is another one.
        assert!(!told(&[CELL, SPAWN], false).0);
        let (is_told, whole) = told(&[CELL, SPAWN], true);
        assert!(
            is_told && matches!(&whole, Allocation::Cell(it) if it.purpose == Purpose::Task && it.entry == 2)
        );
        // Another block of the executor is no task, from any caller.
        assert_eq!(told(&[OTHER], false), (true, Allocation::Other));
        assert_eq!(told(&[], true), (true, Allocation::Other));
        let launch = ("tokio::runtime::scheduler::multi_thread::worker::Launch::launch", "runtime/worker.rs");
        let (is_told, own) = told(&[CELL, SPAWN, launch], false);
        assert!(is_told && matches!(own, Allocation::Cell(it) if it.purpose == Purpose::Own));
    }

    #[test]
    fn workers_of_runtimes_run_the_tasks_of_others() {
        let file = format!("{TOKIO}runtime/blocking/pool.rs");
        let worker =
            Call { function: "tokio::runtime::blocking::pool::Spawner::spawn_thread", file: Some(&file) };
        let own = Call { function: "client::start", file: Some("/home/me/client/src/lib.rs") };
        assert!(runs_tasks(&[worker, own]));
        assert!(!runs_tasks(&[own, worker]) && !runs_tasks(&[]));
    }
}
