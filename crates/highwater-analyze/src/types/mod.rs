//! Of what type an allocated block is, and which collection it belongs to, from the names on the stack that allocated it.
//!
//! A function of a collection carries the collection's type arguments in its name: `RawVec<demo::Session>::grow_one` grows
//! the buffer of some `Vec<demo::Session>`. The innermost such function gives the element type, because it is the one that
//! asks for the memory. Functions outside it may name the collection more exactly, as [`containers`] says: the buffer
//! belongs to a `Vec`, and a buffer of bytes may belong to a `String`. A `Vec<String>` that is cloned does not own the
//! bytes of its strings, so the search ends where a collection does not keep the block itself.

mod containers;
mod name;
mod stacks;

use std::fmt;

pub use containers::{ContainerRule, Element};

use crate::attribution::Class;
use containers::Known;
#[cfg(test)]
use name::short;
pub(crate) use stacks::{StackType, of_stacks};

/// The type of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeOf {
    /// What lies in the block, or in each of its equal parts: `demo::Session`, `(u64, String)`.
    pub element: String,
    /// The collection or pointer that keeps the block: `Vec<demo::Session>`.
    pub container: String,
}

/// Why a block has no type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NoType {
    /// No function on the way from the allocator to the program has a name.
    NoNames,
    /// A collection allocated the block, and its functions have names without type arguments.
    NoArguments,
    /// The program or a library calls the allocator itself, or allocates in a function without type arguments.
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

/// What is known of one frame: its function's name, if it has one, and what that function is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub function: Option<&'a str>,
    pub class: Class,
    /// The crate, as far as it is known: functions of Rust code have one.
    pub is_rust: bool,
}

/// Finds the types of blocks by the rules that are built in and by the user's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Typist<'a> {
    pub rules: &'a [ContainerRule],
}

impl Typist<'_> {
    /// The type of a block that was allocated by `stack`, leaf first, before any filter.
    ///
    /// # Errors
    /// When no type is known, with the reason.
    pub fn type_of<'a>(&self, stack: impl Iterator<Item = Named<'a>>) -> Result<TypeOf, NoType> {
        let mut found: Option<Known> = None;
        let (mut is_rust, mut has_nameless, mut has_collection) = (false, false, false);
        for frame in stack {
            is_rust |= frame.is_rust;
            let known = frame.function.and_then(|function| containers::of(function, self.rules));
            let Some(known) = known else {
                has_collection |= frame.function.is_some_and(containers::is_in_collection);
                if matches!(frame.class, Class::Own | Class::Inner | Class::Nameless) {
                    has_nameless = frame.function.is_none();
                    break;
                }
                continue;
            };
            has_collection = true;
            found = match found {
                None => Some(known).filter(|known| known.element.is_some()),
                // Names without type arguments say nothing new.
                Some(inner) if known.element.is_none() => Some(inner),
                Some(inner) => match known.around(&inner) {
                    Some(outer) => Some(outer),
                    // The collection is another one's: the block belongs to one of its elements.
                    None => {
                        found = Some(inner);
                        break;
                    }
                },
            };
        }
        found.and_then(Known::into_type).ok_or(match (has_collection, has_nameless, is_rust) {
            (true, ..) => NoType::NoArguments,
            (_, true, _) => NoType::NoNames,
            (.., true) => NoType::Direct,
            _ => NoType::NotRust,
        })
    }
}

#[cfg(test)]
mod tests;
