//! The scope of a test: the threads that are started in it, and the blocks that they allocate.

use highwater_hooks::Scope as Threads;
use highwater_ledger::{self as ledger, Heir, Ledger};

use crate::allocator;
use crate::limits::Limits;
use crate::settings::rules::Blocks;
use crate::settings::settings;

/// Something whose threads and blocks are to be known.
#[derive(Debug)]
pub(crate) struct TestScope {
    threads: Threads,
    ledger: Option<Ledger>,
}

/// Keeps a thread in a scope; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    _threads: highwater_hooks::Entered,
    _ledger: Option<ledger::Entered>,
}

impl TestScope {
    /// A new scope, with nothing in it.
    pub(crate) fn new() -> Self {
        let least_align = settings().blocks.least_align();
        let ledger = least_align.filter(|_| allocator::is_recording()).and_then(Ledger::open);
        Self { threads: Threads::new(), ledger }
    }

    /// Has limits for memory be watched, from now on.
    ///
    /// # Errors
    /// In words, when blocks are not written down.
    pub(crate) fn watch(&self, limits: Limits) -> Result<(), &'static str> {
        let Some(ledger) = &self.ledger else {
            return Err(if settings().blocks == Blocks::Off {
                "its limits for memory cannot be checked: highwater.toml says `blocks = \"off\"`"
            } else {
                allocator::NOT_RECORDING
            });
        };
        ledger.widen(1);
        if let Some(limit_bytes) = limits.max_peak_bytes {
            ledger.watch_peak(limit_bytes);
        }
        Ok(())
    }

    /// Puts the calling thread into this scope until the guard is dropped, and with it what it starts and
    /// allocates.
    pub(crate) fn enter(&self) -> Entered {
        Entered { _threads: self.threads.enter(), _ledger: self.ledger.as_ref().map(Ledger::enter) }
    }

    /// Puts the calling thread into this scope until it [`leave`]s.
    pub(crate) fn enter_for_good(&self) {
        self.threads.enter_for_good();
        if let Some(ledger) = &self.ledger {
            ledger.enter_for_good();
        }
    }

    /// Its threads.
    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What is allocated in it: blocks with an alignment of at least [`allocator::WIDE`] bytes, each with its
    /// stack, and all others where they are asked for ([`Ledger::widen`]). `None` where blocks are not
    /// written down.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }
}

/// Takes the calling thread out of its scope, as far as blocks are concerned.
pub(crate) fn leave() {
    ledger::leave();
}

/// A thread is about to be started: it inherits the ledger of the calling one, which meanwhile writes nothing
/// down.
pub(crate) fn starts() -> Option<highwater_hooks::Inherited> {
    let heir = ledger::current()?;
    ledger::leave();
    Some(heir.into_any())
}

/// The thread was started, or was not.
pub(crate) fn started(inherited: Option<highwater_hooks::Inherited>, is_followed: bool) {
    if let Some(heir) = inherited.and_then(|it| Heir::from_any(it)) {
        heir.enter();
        if !is_followed {
            heir.end();
        }
    }
}

/// The calling thread begins.
pub(crate) fn began(thread: &highwater_hooks::Thread) {
    ledger::set_thread(thread.number());
    if let Some(heir) = thread.inherited().and_then(|it| Heir::from_any(it)) {
        heir.enter();
    }
}

/// The calling thread ends.
pub(crate) fn ends(thread: &highwater_hooks::Thread) {
    leave();
    if let Some(heir) = thread.inherited().and_then(|it| Heir::from_any(it)) {
        heir.end();
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod tests {
    use std::hint::black_box;
    use std::sync::mpsc;
    use std::thread;

    use crate::entry::whole::new_scope;

    #[test]
    fn what_a_grandchild_keeps_is_the_scopes() {
        let scope = new_scope();
        let ledger = scope.ledger().expect("this crate's tests record");
        ledger.widen(1);
        let (release, wait) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        let entered = scope.enter();
        let child = || {
            thread::spawn(move || {
                let kept = black_box(vec![0_u8; 12_345]);
                let _ = report.send(());
                let _ = wait.recv();
                drop(kept);
            })
        };
        let grandchild = thread::spawn(child).join().unwrap();
        // Not in the scope: a thread that waits at a channel for the first time allocates what it keeps to
        // its end.
        drop(entered);
        reported.recv().unwrap();
        let sizes = |size| {
            let mut count = 0;
            ledger.visit_blocks(|it| count += usize::from(it.size_bytes == size));
            count
        };
        assert_eq!(sizes(12_345), 1);
        drop(release);
        grandchild.join().unwrap();
        drop(reported);
        assert_eq!(ledger.live_blocks(), 0);
    }

    #[test]
    fn what_the_hooks_allocate_is_nobodys() {
        let scope = new_scope();
        let ledger = scope.ledger().expect("this crate's tests record");
        ledger.widen(1);
        let entered = scope.enter();
        thread::spawn(|| ()).join().unwrap();
        drop(entered);
        let mut ours = 0;
        ledger.visit_sites(|site| {
            let frames = crate::evidence::symbols::spawn_frames(site.stack);
            ours += usize::from(frames.iter().any(|it| it.function.starts_with("highwater_hooks::registry")));
        });
        assert_eq!(ours, 0);
        assert!(ledger.totals().alloc_blocks > 0, "what the standard library allocates is the scope's");
    }
}
