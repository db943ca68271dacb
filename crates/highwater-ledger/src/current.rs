//! Which ledger the calling thread is in, and what the threads that it starts inherit.

use core::any::Any;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::RefUnwindSafe;

use crate::account::Account;

thread_local! {
    /// Where the calling thread's blocks are written down. Without a destructor, so that it can be asked at
    /// any time.
    pub(crate) static CURRENT: Cell<Option<&'static Account>> = const { Cell::new(None) };
}

/// Keeps a thread in a ledger, which is kept as long; leaves it when dropped. Guards are to be dropped in the
/// reverse order of their making.
#[must_use = "the thread leaves the ledger when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    entered: Option<&'static Account>,
    outer: Option<&'static Account>,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl Entered {
    /// Puts the calling thread into this account until the guard is dropped.
    pub(crate) fn new(account: &'static Account) -> Self {
        account.hold();
        let entered = Some(account);
        Self { entered, outer: CURRENT.replace(entered), stays_in_its_thread: PhantomData }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        if let Some(account) = self.entered {
            account.release();
        }
    }
}

/// Keeps a thread's blocks from being written down; what it frees still is.
pub fn pause() -> Entered {
    Entered { entered: None, outer: CURRENT.take(), stays_in_its_thread: PhantomData }
}

/// Takes the calling thread out of the ledger that it is in.
pub fn leave() {
    CURRENT.set(None);
}

/// What a thread that is about to be started inherits: a place in the ledger of its starter.
#[derive(Clone, Copy)]
pub struct Heir(&'static Account);

/// The place in a ledger that a thread inherits which the calling thread is about to start. It keeps the
/// ledger from being used for something else until [`Heir::end`].
pub fn current() -> Option<Heir> {
    let account = CURRENT.get()?;
    account.hold();
    Some(Heir(account))
}

impl Heir {
    /// Puts the calling thread, which is starting, into the ledger.
    pub fn enter(self) {
        CURRENT.set(Some(self.0));
    }

    /// The thread ends, or did not start.
    pub fn end(self) {
        self.0.release();
    }

    /// Something to carry from the one thread to the other, without its type.
    pub fn into_any(self) -> &'static (dyn Any + Send + Sync + RefUnwindSafe) {
        self.0
    }

    /// From [`Heir::into_any`]. `None` for something else.
    pub fn from_any(any: &'static (dyn Any + Send + Sync)) -> Option<Self> {
        any.downcast_ref().map(Self)
    }
}

impl fmt::Debug for Heir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heir")
    }
}
