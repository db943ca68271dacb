//! What the function of a collection says of a block, and how what several functions say fits together.

use std::borrow::Cow;

use crate::types::collections::{Keeps, is_built_on};
use crate::types::of_block::TypeOf;

/// What a function says of the block that is allocated below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// What the block holds; `None` where the name has no type arguments.
    pub element: Option<String>,
    pub container: String,
    pub keeps: Keeps,
    /// Path of the collection whose function it is; empty for the user's own ones.
    pub path: &'static str,
    pub does: Does,
}

/// What a function of a collection does, as far as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It makes space in its collection, and calls no code of the elements.
    MakeRoom,
    /// It makes a collection out of what an iterator gives: `collect`.
    Collect,
    /// Anything.
    Anything,
}

impl Known {
    /// What keeps the block that `inner` allocates, if this collection does.
    pub fn around<'a>(&'a self, inner: &Cow<'a, Self>) -> Option<Cow<'a, Self>> {
        let (own, element) = (self.element.as_deref()?, inner.element.as_deref()?);
        let keeps = match self.keeps {
            // Another function of what allocates for the collection.
            Keeps::None => return (own == element).then(|| inner.clone()),
            Keeps::Bytes => matches!(element, "u8" | "str" | "OsStr"),
            Keeps::Same | Keeps::Indexed => own == element || own == "str" && element == "u8",
            Keeps::Keys => {
                let value = element.strip_prefix('(').and_then(|pair| pair.strip_prefix(own));
                own == element || matches!(value, Some(", ())" | ", SetValZST)"))
            }
        };
        // A map that remembers the order of its entries keeps their positions in a table of its own.
        if !keeps && self.keeps == Keeps::Indexed && element == "usize" {
            return Some(Cow::Owned(Self { element: inner.element.clone(), ..self.clone() }));
        }
        // Bare names do not say that a pointer is to a slice, and functions further in do.
        if keeps && self.path == inner.path && inner.container.ends_with("]>") {
            return Some(inner.clone());
        }
        keeps.then_some(Cow::Borrowed(self))
    }

    /// Whether this function, which called `inner` itself, speaks of the same block though both name
    /// different types. The compiler keeps one of several functions with the same machine code: `inner` may
    /// bear the name of another type of the same size. A function that was inlined into its caller bears its
    /// own name, so what is further out is right.
    pub fn knows_better_than(&self, inner: &Self) -> bool {
        let same = self.path == inner.path;
        self.element.is_some()
            && !self.path.is_empty()
            && (is_built_on(self.path, inner.path)
                || same && inner.does == Does::MakeRoom
                || same && self.does == Does::Collect)
    }

    /// The boxed slice that a list becomes.
    pub fn into_slice(self) -> Self {
        let container = self.element.as_ref().map(|element| match element.as_str() {
            "str" => "Box<str>".to_owned(),
            element => format!("Box<[{element}]>"),
        });
        Self { container: container.unwrap_or(self.container), ..self }
    }

    /// The type; `None` where the name has no type arguments.
    pub fn into_type(self) -> Option<TypeOf> {
        Some(TypeOf { element: self.element?, container: self.container })
    }
}
