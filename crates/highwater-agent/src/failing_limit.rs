//! A limit at which allocations fail, for tests of what a program does when memory has run out.

/// A limit that is in force until this is dropped.
#[derive(Debug)]
#[must_use = "the limit ends when this is dropped"]
pub struct HardLimit(());

/// Lets allocations fail that would take live memory beyond `bytes`, as a full machine does: `Vec::try_reserve` returns an
/// error, `Vec::push` ends the process. For tests; there is one limit at a time, and a new one takes the place of the last.
///
/// It counts what `highwater::stats().live_bytes` does, so it needs `highwater::Alloc`. Without a limit it costs nothing,
/// because it is looked at where a thread looks around anyway. So it is exact but for what threads hold back: at most 64 KiB
/// each, in every mode. In exact mode the thread that allocates holds nothing back.
///
/// ```
/// #[global_allocator]
/// static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();
///
/// let limit = highwater_agent::hard_limit(highwater::stats().live_bytes + (64 << 20));
/// assert!(Vec::<u8>::new().try_reserve_exact(128 << 20).is_err());
/// assert!(Vec::<u8>::new().try_reserve_exact(32 << 20).is_ok());
/// drop(limit);
/// assert!(Vec::<u8>::new().try_reserve_exact(128 << 20).is_ok());
/// ```
pub fn hard_limit(bytes: u64) -> HardLimit {
    highwater_recorder::set_hard_limit(Some(bytes));
    HardLimit(())
}

impl Drop for HardLimit {
    fn drop(&mut self) {
        highwater_recorder::set_hard_limit(None);
    }
}
