//! What a function is to somebody who looks for the cause of an allocation.

/// What a function is to somebody who looks for the cause of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameClass {
    /// The profiler's own code. Never of interest.
    Recorder,
    /// Where compiled Rust code enters the allocator: this frame and all it called belong to the allocation.
    Entry,
    /// Part of the allocator, or of walking the stack. Not of interest at the leaf end.
    Shim,
    /// Bears a name that functions inside of an allocator have, and others may have too. Part of the allocator where a
    /// [`Shim`](Self::Shim) is called by it, and no entry point is on the stack; else as [`Own`](Self::Own).
    Inner,
    /// Library code, or the code that starts a program or thread: what it does, its caller asked for.
    Plumbing,
    /// Neither its name nor its source is known, nor the file it is in.
    Nameless,
    /// All other code.
    Own,
}
