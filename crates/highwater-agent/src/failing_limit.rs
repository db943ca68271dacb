//! A limit at which allocations fail, for tests of a program's behaviour when memory runs out.

/// A limit that is in force until this value is dropped.
#[derive(Debug)]
#[must_use = "the limit ends when this is dropped"]
pub struct HardLimit(());

/// Makes allocations fail that would raise live memory above `bytes`, as on a machine without free memory:
/// `Vec::try_reserve` returns an error, `Vec::push` aborts the process. Meant for tests. There is one limit
/// at a time, and a new one replaces the previous one.
///
/// The limit applies to `highwater::stats().live_bytes`, so it needs `highwater::Alloc`. Without a limit it
/// costs nothing, because the check is part of the periodic work of each thread. So the limit is exact except
/// for what threads have not yet reported: at most 64 KiB each, in every mode. In exact mode the allocating
/// thread reports every allocation.
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
