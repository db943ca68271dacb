//! The layout of a type, as a reader of debug information gives it.

use serde::Serialize;

/// The layout of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Path with all type arguments.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes.
    pub alignment: Option<u64>,
    /// The fields that a value always has, by offset.
    pub fields: Vec<Field>,
    /// The variants of an enum; of a future, its states.
    pub variants: Vec<Variant>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Offset in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Its type; of an array that of the elements.
    pub type_name: String,
    /// Number of values of that type.
    pub count: u64,
}

/// A variant of an enum, or a state of a future.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its fields, by offset.
    pub fields: Vec<Field>,
    /// The line of a future's await.
    pub line: Option<u64>,
}

impl Shape {
    /// Whether the type is the state of an `async fn` or block.
    pub(crate) fn is_future(&self) -> bool {
        self.variants.iter().any(|it| it.name == "Unresumed")
    }
}

impl Variant {
    /// Bytes of its fields. Parts of a future that several variables share are counted once.
    pub(crate) fn bytes(&self) -> u64 {
        let (mut bytes, mut end) = (0, 0);
        for field in &self.fields {
            let begin = field.offset.max(end);
            let field_end = field.offset.saturating_add(field.size);
            bytes += field_end.saturating_sub(begin);
            end = end.max(field_end);
        }
        bytes
    }

    /// Where its last field ends.
    pub(crate) fn end(&self) -> u64 {
        self.fields.iter().map(|field| field.offset.saturating_add(field.size)).max().unwrap_or(0)
    }

    /// Whether a future waits in this state.
    pub(crate) fn is_await(&self) -> bool {
        self.name.starts_with("Suspend")
    }
}
