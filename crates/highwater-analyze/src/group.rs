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
}

const NAMES: [(&str, GroupBy); 7] = [
    ("site", GroupBy::Site),
    ("function", GroupBy::Function),
    ("generic", GroupBy::Generic),
    ("line", GroupBy::Line),
    ("file", GroupBy::File),
    ("module", GroupBy::Module),
    ("crate", GroupBy::Crate),
];

impl FromStr for GroupBy {
    type Err = AnalyzeError;

    fn from_str(name: &str) -> Result<Self, AnalyzeError> {
        let found = NAMES.into_iter().find(|row| row.0 == name);
        found.map(|row| row.1).ok_or_else(|| AnalyzeError::UnknownGrouping(name.to_owned()))
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
}
