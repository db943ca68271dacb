//! What a row of a table stands for, and how it is named.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::AnalyzeError;

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// A whole stack.
    Site,
    /// A function, with its type arguments.
    Function,
    /// A function whatever its type arguments: all instances of a generic function, and all closures in it.
    Generic,
    /// A line of a function.
    #[default]
    Line,
    /// A source file.
    File,
    /// A program or shared library.
    Module,
    /// A crate.
    Crate,
    /// What the blocks hold: the type of the elements.
    Type,
    /// The collection or pointer that keeps the blocks, with its type arguments.
    Container,
}

const NAMES: [(&str, GroupBy); 9] = [
    ("site", GroupBy::Site),
    ("function", GroupBy::Function),
    ("generic", GroupBy::Generic),
    ("line", GroupBy::Line),
    ("file", GroupBy::File),
    ("module", GroupBy::Module),
    ("crate", GroupBy::Crate),
    ("type", GroupBy::Type),
    ("container", GroupBy::Container),
];

impl FromStr for GroupBy {
    type Err = AnalyzeError;

    fn from_str(name: &str) -> Result<Self, AnalyzeError> {
        let found = NAMES.into_iter().find(|row| row.0 == name);
        found.map(|row| row.1).ok_or_else(|| AnalyzeError::UnknownGrouping(name.to_owned()))
    }
}

impl GroupBy {
    /// Whether a row stands for blocks of a type, and not for code.
    pub(crate) fn is_of_types(self) -> bool {
        matches!(self, Self::Type | Self::Container)
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.into_iter().find(|row| row.1 == *self);
        f.write_str(found.map_or("", |row| row.0))
    }
}

/// What a row is about. Fields that the grouping does not fix are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct RowKey {
    /// The row's name: `src/index.rs:88 codeindex::index::Index::add` when grouped by line. `[unknown]` for samples
    /// without frames.
    pub label: String,
    /// The function, without the compiler's hash.
    pub function: Option<String>,
    /// The source file as the label shows it: shortened when it lies in a registry or in the toolchain.
    pub file: Option<String>,
    /// Line in the file.
    pub line: Option<i64>,
    /// Path of the program or shared library.
    pub module: Option<String>,
    /// The crate, as it is spelt in paths of Rust code.
    pub crate_name: Option<String>,
    /// The type of the blocks or of what keeps them, when grouped so; `None` where it is not known.
    pub type_name: Option<String>,
}
