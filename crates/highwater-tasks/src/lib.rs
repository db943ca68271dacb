//! Recognises blocks of memory that are asynchronous tasks, by the stacks that allocated them.
//!
//! Every executor puts a task into one block, its **cell**, and frees it when the task is over and no handle
//! is left. So a live block that the executor's cell constructor allocated is a task, and the calls outside
//! of the executor show where it was spawned. This needs no feature of the executor, and no hook in it.
//!
//! The crate handles names and numbers only: it reads no memory and no file, and has no dependency.
//! [`classify`] takes the calls of a stack, innermost first. [`call`] finds the package of a call,
//! [`plain`](mod@plain) spells names of all manglings alike, and [`name`] takes types out of names. Each
//! family of executors has a file: [`tokio`], [`async_task`] (smol, async-executor and similar), [`futures`].
//!
//! The name of the constructor and the meaning of a cell's words depend on the executor. For a version that
//! this crate does not know, the answer is [`Allocation::Unclassified`], so that tasks are never missed
//! silently.
#![forbid(unsafe_code)]

mod async_task;
mod call;
mod futures;
mod name;
mod package;
mod plain;
mod tokio;

pub use call::{Call, Version};
pub use package::name_and_version;
pub use plain::plain;

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

/// The state of a task, from the word of its cell in which the executor stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether the task is over. Its cell remains for a handle, which may ask for the result.
    pub is_over: bool,
    /// Whether the task was cancelled: by a handle, or by the end of its executor.
    pub is_cancelled: bool,
    /// Whether the task is running, or was woken and will run soon.
    pub is_ready: bool,
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

/// Classifies a block by the calls of the stack that allocated it, innermost first. The calls may begin
/// inside the allocator.
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

/// Classifies a block that has, at or near its beginning, a pointer to a table of functions. `function` is
/// the name of the table's first function, with or without types. This needs no debug information, and works
/// even if the stack `calls` contains no call of the executor.
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

/// The content of a cell, from the name of its constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Future {
    /// The type of the future or closure, as in the source.
    pub name: String,
    /// Whether it is a call that may block.
    pub is_blocking: bool,
}

/// The content of a cell, from a constructor's name that includes types: `new<app::work::{async_fn_env#0},
/// …>` in debug information. `None` if the name has no types.
pub fn future(executor: Executor, constructor: &str) -> Option<Future> {
    match executor {
        Executor::Tokio => name::future(constructor, "tokio::runtime::task::core::Cell<", "new"),
        Executor::AsyncTask => name::future(constructor, "async_task::raw::RawTask<", "allocate"),
        Executor::Futures => {
            name::future(constructor, "futures_util::stream::futures_unordered::FuturesUnordered<", "push")
        }
    }
}
