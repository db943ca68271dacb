//! A call, as people read it.

/// One of the calls at an address. Calls that were inlined there come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The name of the function, demangled and without hash.
    pub function: String,
    /// The path of its source; empty when it is not known, as is the line then 0.
    pub file: String,
    /// The line of the call.
    pub line: u32,
}
