//! The layouts of types, from debug information that has types: sizes, fields, the variants of enums, and the variables
//! that a future keeps at each await.

mod entry;
mod read;
mod scan;

use std::collections::HashMap;
use std::path::Path;

use highwater_profile::Profile;

use crate::binary::{Binary, normal_id};
use crate::dwarf::{DebugData, DebugFiles};
use crate::find::Finder;
use crate::{Missing, Options, SymbolError, build};

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
    /// Path of its type, as in [`TypeLayout::name`]; of an array that of its elements.
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

/// Finds the layouts of the types whose paths `wanted` accepts, in the files of the profile's mappings, or, if it is given, in the
/// file `from` alone, which need not be of the same build.
///
/// # Errors
/// When `from` or one of [`Options::binaries`] cannot be read as a binary.
pub fn layouts(
    profile: &Profile,
    from: Option<&Path>,
    wanted: &dyn Fn(&str) -> bool,
    options: &Options,
) -> Result<Layouts, SymbolError> {
    let mut finder = Finder::new(options)?;
    finder.assign(profile);
    let mut answer = Layouts::default();
    let mut found = HashMap::new();
    let mut look = |file: String, binary: Result<Binary, Missing>| {
        let has = match binary {
            Err(missing) => HasTypes::Missing(missing),
            Ok(binary) => match finder.debug_files(&binary) {
                None => HasTypes::NoDebugInfo,
                Some(files) => in_files(&files, wanted, options, &mut found),
            },
        };
        answer.files.push(LayoutFile { file, has });
    };
    if let Some(path) = from {
        let binary =
            Binary::open(path).map_err(|reason| SymbolError::Binary { path: path.to_owned(), reason })?;
        look(path.display().to_string(), Ok(binary));
    } else {
        for mapping in profile.mappings() {
            let build_id = normal_id(profile.string(mapping.build_id));
            let wanted = build::wanted(profile, mapping, &build_id);
            if !wanted.is_pseudo() {
                look(profile.string(mapping.file).to_owned(), finder.binary(wanted));
            }
        }
    }
    answer.types = found.into_values().collect();
    answer.types.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(answer)
}

fn in_files(
    files: &DebugFiles,
    wanted: &dyn Fn(&str) -> bool,
    options: &Options,
    found: &mut HashMap<String, TypeLayout>,
) -> HasTypes {
    let data = match DebugData::load(files, options.max_debug_bytes) {
        Ok(data) => data,
        Err(reason) => return HasTypes::Unusable(reason),
    };
    let dwarf = data.dwarf();
    scan::all_units(&dwarf, wanted, found)
}
