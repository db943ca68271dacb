//! What is known of a type's layout, as data.

use crate::summary::Missing;

/// The layout of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeLayout {
    /// Path with all type arguments, as in debug information: `alloc::vec::Vec<u8, alloc::alloc::Global>`.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes.
    pub alignment: Option<u64>,
    /// The fields that a value always has, by offset. Of an enum, the field that distinguishes its variants.
    pub fields: Vec<FieldLayout>,
    /// The variants of an enum; of a future, its states.
    pub variants: Vec<VariantLayout>,
}

/// A field of a type or of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// Name; `__0` for the first field of a tuple.
    pub name: String,
    /// Offset in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Path of its type, as in [`TypeLayout::name`]; of an array the type of its elements.
    pub type_name: String,
    /// Number of values of that type: 1, or the length of an array.
    pub count: u64,
}

/// A variant of an enum, or a state of a future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantLayout {
    /// Name. The states of a future in which it waits are `Suspend0`, `Suspend1` and so on.
    pub name: String,
    /// The fields, by offset.
    pub fields: Vec<FieldLayout>,
    /// The source line of a future's await.
    pub line: Option<u64>,
}

/// The layouts that were found.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    /// The types that were asked for, and those that lie inside of them, by name.
    pub types: Vec<TypeLayout>,
    /// What each file had.
    pub files: Vec<LayoutFile>,
}

/// A file in which layouts were looked for.
#[derive(Clone, Debug)]
pub struct LayoutFile {
    /// Path of the file.
    pub file: String,
    /// What it had.
    pub has: HasTypes,
}

/// Whether a file has types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HasTypes {
    /// It has.
    Yes,
    /// Its debug information describes functions and lines, and no fields of types.
    NoFields,
    /// It has no debug information.
    NoDebugInfo,
    /// Its types are in split files (`.dwo`, `.dwp`), which are not read for layouts.
    Split,
    /// Its debug information could not be used.
    Unusable(String),
    /// The file is missing or of another build.
    Missing(Missing),
}
