//! Of what type an allocated block is, and which collection it belongs to, from the names on the stack that
//! allocated it.
//!
//! A function of a collection carries the collection's type arguments in its name:
//! `RawVec<demo::Session>::grow_one` grows the buffer of some `Vec<demo::Session>`. The innermost such
//! function gives the element type, because it is the one that asks for the memory. Functions outside it may
//! name the collection more exactly: the buffer belongs to a `Vec`, and a buffer of bytes may belong to a
//! `String`. A `Vec<String>` that is cloned does not own the bytes of its strings, so the search ends where a
//! collection does not keep the block itself.
//!
//! The compiler keeps one of several functions with the same machine code, and `RawVec<u64>::grow_one` is the
//! same as `RawVec<usize>::grow_one`. So where a collection's function calls one of what the collection is
//! built on, and both name different types, the caller is right: `knows_better_than` in `known.rs`.

mod collections;
mod containers;
mod known;
mod name;
mod of_block;
mod source_module;
mod typist;

#[cfg(test)]
mod tests;

pub use containers::{ContainerRule, Element};
pub use name::short;
pub use of_block::{NoType, TypeOf};
pub use typist::{Judged, Named, Owner, Typist};
