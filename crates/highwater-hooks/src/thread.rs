//! A thread that was seen to start.

use std::any::Any;
use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::live::Current;
use crate::proc::{self, Reading};

/// Something that an observer has a thread inherit from the one that starts it.
pub type Inherited = &'static (dyn Any + Send + Sync + RefUnwindSafe);

/// A thread that was started through one of the hooked functions. Handles to it are cheap to copy and outlive
/// it.
#[derive(Clone)]
pub struct Thread(Arc<Record>);

/// Who started a thread.
#[derive(Clone, Debug)]
pub enum Spawner {
    /// The main thread.
    Main,
    /// Another thread that was seen to start.
    Thread(Thread),
    /// A thread that was not.
    Unknown,
}

struct Record {
    number: u64,
    began: Instant,
    /// The kernel's number; 0 until the thread runs.
    tid: AtomicU32,
    beginning: Beginning,
    spawner: Spawner,
    label: OnceLock<Box<str>>,
    /// How often the key destructor of `ending` has seen it.
    rounds: AtomicU8,
}

/// What the thread that starts another one knows of it.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) scope: Current,
    /// Whether it counts as one of its scope's threads.
    pub(crate) counts: bool,
    pub(crate) start_routine: usize,
    pub(crate) spawn_stack: Box<[usize]>,
    pub(crate) inherited: Option<Inherited>,
}

impl Thread {
    pub(crate) fn new(number: u64, spawner: Spawner, beginning: Beginning) -> Self {
        let (began, tid) = (Instant::now(), AtomicU32::new(0));
        let (label, rounds) = (OnceLock::new(), AtomicU8::new(0));
        Self(Arc::new(Record { number, began, tid, beginning, spawner, label, rounds }))
    }

    /// Its number among the threads of this process, from 1 in the order of their starts. Never used twice.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// When it was about to be started.
    pub fn began(&self) -> Instant {
        self.0.began
    }

    /// The kernel's number for it. `None` until it runs; the kernel may use the number again after its end.
    pub fn tid(&self) -> Option<u32> {
        match self.0.tid.load(Ordering::Acquire) {
            0 => None,
            tid => Some(tid),
        }
    }

    /// Address of the function it began with, as the C library was given it. For a thread of Rust's standard
    /// library that is a function of the library's.
    pub fn start_routine(&self) -> usize {
        self.0.beginning.start_routine
    }

    /// Who started it.
    pub fn spawner(&self) -> &Spawner {
        &self.0.spawner
    }

    /// Whether the main thread started it.
    pub fn is_of_main(&self) -> bool {
        matches!(self.0.spawner, Spawner::Main)
    }

    /// Whether it was started inside of a scope.
    pub fn is_in_scope(&self) -> bool {
        self.0.beginning.scope.0 != 0
    }

    /// Where it was started: addresses of the calls, innermost first, each inside of its call instruction, so
    /// they are to be looked up as they are. Only threads started inside of a scope have one, those started
    /// after [`keep_stacks`](crate::keep_stacks), and the first that the main thread starts outside of all.
    pub fn spawn_stack(&self) -> &[usize] {
        &self.0.beginning.spawn_stack
    }

    /// What the [`Observer`](crate::Observer) had it inherit.
    pub fn inherited(&self) -> Option<Inherited> {
        self.0.beginning.inherited
    }

    /// Gives the thread a name for reports, once; a second one is not taken.
    pub fn set_label(&self, label: &str) {
        let _ = self.0.label.set(label.into());
    }

    /// The name given by [`Thread::set_label`].
    pub fn label(&self) -> Option<&str> {
        self.0.label.get().map(AsRef::as_ref)
    }

    /// What the kernel says of it now. `None` when it has ended or not begun, and where there is no `/proc`.
    pub fn read(&self) -> Option<Reading> {
        proc::read(self.tid()?)
    }

    pub(crate) fn scope(&self) -> Current {
        self.0.beginning.scope
    }

    /// Whether its scope has descriptors or children. Some may be its own.
    pub(crate) fn leaves_something(&self) -> bool {
        let (number, live) = self.0.beginning.scope;
        live.is_some_and(|it| it.has_more(number))
    }

    /// Counts it out of its scope.
    pub(crate) fn leave_scope(&self) {
        if let (true, Some(live)) = (self.0.beginning.counts, self.0.beginning.scope.1) {
            live.remove();
        }
    }

    pub(crate) fn set_tid(&self, tid: u32) {
        self.0.tid.store(tid, Ordering::Release);
    }

    /// Counts a round of key destructors, and tells how many there were before.
    pub(crate) fn begin_round(&self) -> u8 {
        self.0.rounds.fetch_add(1, Ordering::Relaxed)
    }

    /// For the value of a thread-specific key.
    #[cfg(hooked)]
    pub(crate) fn into_raw(self) -> *const () {
        Arc::into_raw(self.0).cast()
    }

    /// # Safety
    /// `raw` is of [`Thread::into_raw`], and is not used again.
    #[cfg(hooked)]
    pub(crate) unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: the caller promises that it came from `Arc::into_raw` of this type, and that this is its
        // one use.
        Self(unsafe { Arc::from_raw(raw.cast()) })
    }
}

impl Drop for Record {
    /// Threads that start each other in a long row would else be dropped one inside of the other.
    fn drop(&mut self) {
        let mut spawner = std::mem::replace(&mut self.spawner, Spawner::Unknown);
        while let Spawner::Thread(Thread(record)) = spawner {
            let Some(mut record) = Arc::into_inner(record) else { return };
            spawner = std::mem::replace(&mut record.spawner, Spawner::Unknown);
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the spawner, whose own would follow.
        f.debug_struct("Thread")
            .field("number", &self.0.number)
            .field("tid", &self.tid())
            .field("label", &self.label())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(number: u64, spawner: Spawner) -> Thread {
        Thread::new(number, spawner, Beginning::default())
    }

    #[test]
    fn a_long_row_of_threads_is_dropped_flat() {
        let mut last = thread(1, Spawner::Main);
        for number in 2..300_000 {
            last = thread(number, Spawner::Thread(last));
        }
        assert_eq!(last.number(), 299_999);
        drop(last);
    }

    #[test]
    fn a_label_is_given_once() {
        let thread = thread(1, Spawner::Main);
        assert_eq!(thread.label(), None);
        thread.set_label("first");
        thread.set_label("second");
        assert_eq!(thread.label(), Some("first"));
        assert_eq!((thread.tid(), thread.read()), (None, None));
    }
}
