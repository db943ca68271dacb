//! Which threads are alive: those that were seen to start and have not ended.
//!
//! One lock around a list. It is held for a few operations on it, in which no code of the program runs but
//! its allocator. An allocator that starts threads would find the lock held by its own thread
//! ([`is_held_here`]); a child of `fork` may find it held by a thread that it does not have, and so leaves it
//! alone for ever.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::Live;
use crate::proc;
use crate::thread::{Beginning, Spawner, Thread};

/// How many threads that ended last are remembered. The kernel lists a thread for a moment after its last
/// word.
const REMEMBERED: usize = 256;

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    last_number: 0,
    threads: Vec::new(),
    spare: Vec::new(),
    ended: VecDeque::new(),
    leavers: BTreeMap::new(),
});

struct Registry {
    /// Of threads and scopes alike.
    last_number: u64,
    /// In the order of their numbers, which is the order of their starts. Not optimized, as tests are built,
    /// a map takes longer.
    threads: Vec<Thread>,
    /// Of scopes that were closed without a thread left.
    spare: Vec<&'static Live>,
    /// Kernel numbers of threads that ended, the latest at the back.
    ended: VecDeque<u32>,
    /// Threads that ended and have left descriptors or children to their scope, which is open.
    leavers: BTreeMap<u64, Thread>,
}

/// Set in children of `fork`.
static DISOWNED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HELD_HERE: Cell<bool> = const { Cell::new(false) };
}

/// The registry, locked.
struct Held(MutexGuard<'static, Registry>);

impl Registry {
    /// Place of the thread with this number.
    fn place(&self, number: u64) -> Option<usize> {
        self.threads.binary_search_by_key(&number, Thread::number).ok()
    }

    fn find(&self, number: u64) -> Option<&Thread> {
        self.threads.get(self.place(number)?)
    }
}

impl Deref for Held {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Registry {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD_HERE.set(false);
    }
}

/// `None` where the lock must not be asked for.
fn lock() -> Option<Held> {
    if DISOWNED.load(Ordering::Relaxed) || HELD_HERE.replace(true) {
        return None;
    }
    // Nothing below panics while it holds the lock, and the lists are whole between two operations in any
    // case.
    Some(Held(REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Whether the calling thread is in the middle of something here.
pub(crate) fn is_held_here() -> bool {
    HELD_HERE.get()
}

/// Whether this process is a child of `fork`.
pub(crate) fn is_disowned() -> bool {
    DISOWNED.load(Ordering::Relaxed)
}

/// Has this process, a child of `fork`, never ask again.
pub(crate) fn disown() {
    DISOWNED.store(true, Ordering::Relaxed);
}

/// A number for a scope, 0, which is no scope, in a child of `fork`; and what counts its threads.
pub(crate) fn open_scope() -> (u64, &'static Live) {
    let Some(mut registry) = lock() else { return (0, Box::leak(Box::default())) };
    registry.last_number += 1;
    let number = registry.last_number;
    let spare = registry.spare.pop();
    drop(registry);
    (number, spare.unwrap_or_else(|| Box::leak(Box::default())))
}

/// Keeps what counted the threads of a scope that is closed, and has none.
pub(crate) fn close_scope(live: &'static Live) {
    if let Some(mut registry) = lock() {
        registry.spare.push(live);
    }
}

/// Takes a thread in that is about to start. `spawner` is the number of the thread that starts it, if that
/// one is known. `None` where the registry cannot be asked.
pub(crate) fn add(spawner: Option<u64>, is_main: bool, mut beginning: Beginning) -> Option<Thread> {
    let mut registry = lock()?;
    beginning.counts = beginning.scope.1.is_some_and(|it| it.add(beginning.scope.0));
    registry.last_number += 1;
    let number = registry.last_number;
    let spawner = match spawner.and_then(|it| registry.find(it)) {
        Some(thread) => Spawner::Thread(thread.clone()),
        None if is_main => Spawner::Main,
        None => Spawner::Unknown,
    };
    let thread = Thread::new(number, spawner, beginning);
    registry.threads.push(thread.clone());
    Some(thread)
}

/// Takes a thread out that has ended, or did not start.
pub(crate) fn remove(thread: &Thread) {
    let Some(mut registry) = lock() else { return };
    if let Some(tid) = thread.tid() {
        if registry.ended.len() == REMEMBERED {
            registry.ended.pop_front();
        }
        registry.ended.push_back(tid);
    }
    let removed = registry.place(thread.number()).map(|it| registry.threads.remove(it));
    if removed.is_some() {
        thread.leave_scope();
        if thread.leaves_something() {
            registry.leavers.insert(thread.number(), thread.clone());
        }
    }
    drop(registry);
    // Only now, since this may drop a record and the records of the threads before it.
    drop(removed);
}

/// The thread of this number: one that has not ended, or whose scope is open and has something of its.
pub(crate) fn thread(number: u64) -> Option<Thread> {
    let registry = lock()?;
    registry.find(number).or_else(|| registry.leavers.get(&number)).cloned()
}

/// Forgets what is known of ended threads of a scope that is closed.
pub(crate) fn forget_ended(scope: u64) {
    let Some(mut registry) = lock() else { return };
    registry.leavers.retain(|_, thread| thread.scope().0 != scope);
}

pub(crate) fn threads_of(scope: u64) -> Vec<Thread> {
    let Some(registry) = lock() else { return Vec::new() };
    registry.threads.iter().filter(|thread| thread.scope().0 == scope).cloned().collect()
}

/// Every thread that was seen to start and has not ended.
pub fn threads() -> Vec<Thread> {
    lock().map(|registry| registry.threads.clone()).unwrap_or_default()
}

/// The calling thread, if it was seen to start.
pub fn current() -> Option<Thread> {
    #[cfg(hooked)]
    {
        let number = crate::calling_thread::number()?;
        lock()?.find(number).cloned()
    }
    #[cfg(not(hooked))]
    None
}

/// A thread that the kernel lists and that was not seen to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The kernel's number for it.
    pub tid: u32,
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
}

/// Threads that came into being past the hooks, for example by the system call itself. The list shows one
/// moment. A thread that is just starting is not on it.
pub fn unseen() -> Vec<Unseen> {
    let listed = proc::tids();
    let Some(registry) = lock() else { return Vec::new() };
    if registry.threads.iter().any(|thread| thread.tid().is_none()) {
        // One that is listed may be one that has not yet said its number.
        return Vec::new();
    }
    let main = std::process::id();
    let is_known = |tid: u32| {
        tid == main
            || registry.ended.contains(&tid)
            || registry.threads.iter().any(|thread| thread.tid() == Some(tid))
    };
    let unknown: Vec<u32> = listed.into_iter().filter(|tid| !is_known(*tid)).collect();
    drop(registry);
    let named = |tid| proc::read(tid).map(|reading| Unseen { tid, name: reading.name });
    unknown.into_iter().filter_map(named).collect()
}
