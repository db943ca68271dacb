//! The search for the type of a block, frame by frame from the leaf outwards.

use std::borrow::Cow;

use crate::types::containers::{self, ContainerRule};
use crate::types::known::Known;
use crate::types::of_block::{NoType, TypeOf};

/// Whose function a frame is, as far as the search for a type needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The program's, another crate's or nobody knows whose: the search ends here.
    Program,
    /// The standard library's, which allocates for its callers.
    Library,
    /// The allocator's, or the profiler's.
    Allocator,
}

/// What is known of one frame: its function's name, if it has one, and what that function is.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The function.
    pub function: Option<&'a str>,
    /// Path of its source file.
    pub file: Option<&'a str>,
    /// Whose it is.
    pub owner: Owner,
    /// The crate, as far as it is known: functions of Rust code have one.
    pub is_rust: bool,
}

/// What a frame says of blocks that are allocated below it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// As a function of a collection.
    known: Option<Known>,
    /// As the function that calls the allocator.
    direct: Option<Known>,
    is_in_collection: bool,
    is_rust: bool,
    is_nameless: bool,
    /// A function of a library, which may call the allocator for its caller.
    is_between: bool,
    /// It is the program's code, or nobody knows that it is not: the search ends here.
    is_end: bool,
}

/// Finds the types of blocks by the rules that are built in and by the user's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typist<'a> {
    /// The user's own.
    pub rules: &'a [ContainerRule],
}

impl Typist<'_> {
    /// What a frame says, whatever stack it is on.
    pub fn judge(&self, frame: &Named<'_>) -> Judged {
        let known = frame.function.and_then(|function| containers::of(function, frame.file, self.rules));
        let is_end = frame.owner == Owner::Program;
        // Without debug information, collections' functions that were inlined are not seen.
        let asks_itself = known.is_none() && is_end && frame.is_rust && frame.file.is_some();
        Judged {
            direct: frame.function.filter(|_| asks_itself).and_then(containers::of_direct),
            is_in_collection: known.is_some() || frame.function.is_some_and(containers::is_in_collection),
            known,
            is_rust: frame.is_rust,
            is_nameless: frame.function.is_none(),
            is_between: frame.owner == Owner::Library && !is_of_allocator(frame.function),
            is_end,
        }
    }

    /// The type of a block that was allocated by `stack`, leaf first, before any filter.
    ///
    /// # Errors
    /// When no type is known, with the reason.
    pub fn type_of<'a>(stack: impl Iterator<Item = &'a Judged>) -> Result<TypeOf, NoType> {
        let mut found: Option<Cow<'_, Known>> = None;
        // The frame before spoke of the block.
        let mut is_caller = false;
        let (mut is_rust, mut has_nameless, mut has_collection, mut is_direct) = (false, false, false, true);
        for frame in stack {
            is_rust |= frame.is_rust;
            has_collection |= frame.is_in_collection;
            let Some(known) = &frame.known else {
                is_caller = false;
                if frame.is_end {
                    has_nameless = frame.is_nameless;
                    if is_direct && !has_collection {
                        found = frame.direct.as_ref().map(Cow::Borrowed);
                    }
                    break;
                }
                is_direct &= !frame.is_between;
                continue;
            };
            match &found {
                None => found = Some(Cow::Borrowed(known)).filter(|known| known.element.is_some()),
                // Names without type arguments say nothing new.
                Some(_) if known.element.is_none() => {}
                Some(inner) => match known.around(inner) {
                    Some(outer) => found = Some(outer),
                    None if is_caller && known.knows_better_than(inner) => found = Some(Cow::Borrowed(known)),
                    // The collection is another one's: the block belongs to one of its elements.
                    None => break,
                },
            }
            is_caller = found.is_some();
        }
        found.and_then(|known| known.into_owned().into_type()).ok_or(
            match (has_collection, has_nameless, is_rust) {
                (true, ..) => NoType::NoArguments,
                (_, true, _) => NoType::NoNames,
                (.., true) => NoType::Direct,
                _ => NoType::NotRust,
            },
        )
    }
}

/// Whether a function of the standard library is a part of the way to the allocator.
fn is_of_allocator(function: Option<&str>) -> bool {
    function.is_none_or(|name| name.trim_start_matches('<').starts_with("alloc::alloc::"))
}
