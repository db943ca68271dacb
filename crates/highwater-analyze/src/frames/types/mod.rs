//! Of what type an allocated block is, and which collection it belongs to, from the names on the stack that allocated it.
//!
//! A function of a collection carries the collection's type arguments in its name: `RawVec<demo::Session>::grow_one` grows
//! the buffer of some `Vec<demo::Session>`. The innermost such function gives the element type, because it is the one that
//! asks for the memory. Functions outside it may name the collection more exactly, as [`containers`] says: the buffer
//! belongs to a `Vec`, and a buffer of bytes may belong to a `String`. A `Vec<String>` that is cloned does not own the
//! bytes of its strings, so the search ends where a collection does not keep the block itself.

pub(crate) mod containers;
mod name;
pub(crate) mod of_block;
pub(crate) mod stacks;
mod typist;

#[cfg(test)]
mod tests;
