//! The type of a block, or why it has none.

use std::fmt;

/// The type of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeOf {
    /// What lies in the block, or in each of its equal parts: `demo::Session`, `(u64, String)`.
    pub element: String,
    /// The collection or pointer that keeps the block: `Vec<demo::Session>`.
    pub container: String,
}

/// Why a block has no type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoType {
    /// No function on the way from the allocator to the program has a name.
    NoNames,
    /// A collection allocated the block, and its functions have names without type arguments.
    NoArguments,
    /// The program or a library calls the allocator itself, or allocates in a function without type
    /// arguments.
    Direct,
    /// The block was not allocated by Rust code.
    NotRust,
}

impl fmt::Display for NoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNames => "[no type: functions without names]",
            Self::NoArguments => "[no type: names without type arguments]",
            Self::Direct => "[no type: allocated without a collection]",
            Self::NotRust => "[no type: not allocated by Rust code]",
        })
    }
}
