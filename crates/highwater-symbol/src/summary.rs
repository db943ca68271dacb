//! What became of each mapping, so that the caller can decide whether it is enough.

use std::fmt;
use std::path::PathBuf;

/// The outcome of [`symbolize`](crate::symbolize).
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// One entry for each mapping that had locations without symbols, in the order of the profile. Mappings
    /// that no file stands behind (`[vdso]`, memory made executable by the program) are not among them.
    pub mappings: Vec<MappingOutcome>,
    /// Locations with an address that no file can explain: outside every mapping, or in one without a file.
    pub unmapped_locations: usize,
    /// Locations whose symbols were known from an earlier run.
    pub cached_locations: usize,
    /// The [`binaries`](crate::Options::binaries) that are no mapping's: another build, or another program.
    pub strangers: Vec<Stranger>,
}

impl Summary {
    /// The mappings whose file was not there or not the right one.
    pub fn missing(&self) -> impl Iterator<Item = (&MappingOutcome, &Missing)> {
        self.mappings.iter().filter_map(|outcome| Some((outcome, outcome.missing.as_ref()?)))
    }

    /// Locations that got a function name, over all mappings.
    pub fn resolved(&self) -> usize {
        self.mappings.iter().map(|outcome| outcome.resolved).sum()
    }

    /// Locations that got their source line, over all mappings.
    pub fn with_lines(&self) -> usize {
        self.mappings.iter().map(|outcome| outcome.with_lines).sum()
    }
}

/// What became of one mapping.
#[derive(Clone, Debug)]
pub struct MappingOutcome {
    /// Path of the mapped file, as the profile has it.
    pub file: String,
    /// Build id that the profile gives for it, in lower-case hexadecimal; empty when it gives none.
    pub build_id: String,
    /// Locations that had no symbols before.
    pub locations: usize,
    /// Those of them that have a function name now.
    pub resolved: usize,
    /// Those of them that have a source line now. Fewer than `resolved` where a file is stripped.
    pub with_lines: usize,
    /// Why no file could be used. `None` says that the right file was read, however little it knows.
    ///
    /// With a cache there may be both: a file that is gone, and locations that were resolved before it went.
    pub missing: Option<Missing>,
    /// Why debug information that was found could not be used, so that there are no lines.
    pub unusable: Option<String>,
    /// There was debug information to look in. What it does not know has no name or line anywhere.
    pub has_debug_info: bool,
    /// The debug information refers to split files (`.dwo`, `.dwp`) that were not found: there are neither lines nor inlined
    /// functions of what these describe.
    pub split_is_missing: bool,
}

/// A binary that was given for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The file.
    pub path: PathBuf,
    /// Its build id, in lower-case hexadecimal; `None` when it has none.
    pub build_id: Option<String>,
}

/// Why a mapping has no usable file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// There is no file at the mapping's path, and no candidate has its build id.
    NotFound,
    /// The profile's path means another file to everybody who opens it, such as `/proc/self/exe`, or one that was replaced,
    /// so that nothing was opened; and no candidate is the mapping's.
    NoPath,
    /// The file has another build id: it was built anew, or is another program.
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// Its build id, in lower-case hexadecimal; `None` when it has none.
        found: Option<String>,
    },
    /// The profile has no build id to check, and the file was changed after the profile was taken.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read as a binary.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => out.write_str("not found"),
            Self::NoPath => out
                .write_str("not looked for, since this path means another file here; give it with --binary"),
            Self::OtherBuild { path, found: Some(found) } => {
                write!(out, "{} is another build, with build id {found}", path.display())
            }
            Self::OtherBuild { path, found: None } => {
                write!(out, "{} has no build id, so it may be another build", path.display())
            }
            Self::Changed { path } => {
                write!(out, "{} has no build id and was changed after the profile was taken", path.display())
            }
            Self::Unreadable { path, reason } => write!(out, "{}: {reason}", path.display()),
        }
    }
}
