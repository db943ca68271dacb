//! The outcome for each mapping, so that the caller can decide whether it is good enough.

use std::fmt;
use std::path::PathBuf;

/// The outcome of [`symbolize`](crate::symbolize).
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// One entry for each mapping that had locations without symbols, in the order of the profile. Mappings
    /// without a file (`[vdso]`, memory made executable by the program) have no entry.
    pub mappings: Vec<MappingOutcome>,
    /// Number of locations with an address that no file can explain: outside of every mapping, or in a
    /// mapping without a file.
    pub unmapped_locations: usize,
    /// Number of locations whose symbols came from the cache of an earlier run.
    pub cached_locations: usize,
    /// The [`binaries`](crate::Options::binaries) that no mapping uses: another build, or another program.
    pub unused_binaries: Vec<UnusedBinary>,
}

impl Summary {
    /// The mappings whose file was missing or not the right one.
    pub fn missing(&self) -> impl Iterator<Item = (&MappingOutcome, &Missing)> {
        self.mappings.iter().filter_map(|outcome| Some((outcome, outcome.missing.as_ref()?)))
    }

    /// Number of locations that got a function name, over all mappings.
    pub fn resolved(&self) -> usize {
        self.mappings.iter().map(|outcome| outcome.resolved).sum()
    }

    /// Number of locations that got a source line, over all mappings.
    pub fn with_lines(&self) -> usize {
        self.mappings.iter().map(|outcome| outcome.with_lines).sum()
    }
}

/// The outcome for one mapping.
#[derive(Clone, Debug)]
pub struct MappingOutcome {
    /// Path of the mapped file, from the profile.
    pub file: String,
    /// Build id of the file from the profile, in lower-case hexadecimal; empty if the profile has none.
    pub build_id: String,
    /// Number of locations that had no symbols before.
    pub locations: usize,
    /// How many of these locations have a function name now.
    pub resolved: usize,
    /// How many of these locations have a source line now. Fewer than `resolved` if a file is stripped.
    pub with_lines: usize,
    /// Why no file could be used. `None` means that the right file was read, even if it contains few symbols.
    ///
    /// With a cache, both are possible: the file is missing, and locations were resolved in an earlier run.
    pub missing: Option<Missing>,
    /// Why existing debug information could not be used, so that there are no lines.
    pub unusable: Option<String>,
    /// Whether there was debug information. Names and lines that it lacks are in no other file.
    pub has_debug_info: bool,
    /// Whether the debug information refers to split files (`.dwo`, `.dwp`) that were not found. The code
    /// that they describe then has neither lines nor inlined functions.
    pub split_is_missing: bool,
}

/// A given binary that no mapping uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedBinary {
    /// The file.
    pub path: PathBuf,
    /// Its build id, in lower-case hexadecimal; `None` if it has none.
    pub build_id: Option<String>,
}

/// Why a mapping has no usable file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// There is no file at the mapping's path, and no given binary has its build id.
    NotFound,
    /// The path in the profile means a different file to every process, such as `/proc/self/exe`, or a file
    /// that was replaced, so nothing was opened; and no given binary fits the mapping.
    NoPath,
    /// The file has another build id: it was built again, or is another program.
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// Its build id, in lower-case hexadecimal; `None` if it has none.
        found: Option<String>,
    },
    /// The profile has no build id for a check, and the file was modified after the profile was taken.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read as a binary.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
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
