//! The search for the type of a block, frame by frame from the leaf outwards.

use crate::frames::class::FrameClass;
use crate::frames::types::containers::{self, ContainerRule, Known};
use crate::frames::types::of_block::{NoType, TypeOf};

/// What is known of one frame: its function's name, if it has one, and what that function is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub function: Option<&'a str>,
    pub class: FrameClass,
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
                if matches!(frame.class, FrameClass::Own | FrameClass::Inner | FrameClass::Nameless) {
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
