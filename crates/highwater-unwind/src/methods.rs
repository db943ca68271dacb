//! How stacks are walked, as numbers.

/// How stacks are walked, as far as walks have come; see [`unwind_methods`](crate::unwind_methods).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnwindMethods {
    /// Mappings most of whose call sites are walked by frame pointers.
    pub frame_pointer_mappings: u64,
    /// Mappings most of whose call sites are walked by other rules from their unwind tables.
    pub table_mappings: u64,
    /// Call sites walked by frame pointers. One that fell out of the cache and was met again counts again.
    pub frame_pointer_calls: u64,
    /// Call sites walked by other rules, counted alike.
    pub table_calls: u64,
}
