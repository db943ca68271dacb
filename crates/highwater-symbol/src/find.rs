//! Finds the file of a mapping. [`crate::debug_file`] finds the debug file that belongs to it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use highwater_profile::{Mapping, Profile};

use crate::binary::{Binary, normal_id};
use crate::error::SymbolError;
use crate::options::Options;
use crate::summary::Missing;

/// The description of a mapping's file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) file: &'a str,
    /// In the form of [`crate::binary::normal_id`]; empty if unknown.
    pub(crate) build_id: &'a str,
    /// When the profile was taken, in nanoseconds since 1970-01-01 UTC; 0 if unknown.
    pub(crate) profile_time_ns: i64,
}

impl<'a> Wanted<'a> {
    /// The description of a mapping's file. `build_id` is the mapping's, normalized.
    pub(crate) fn new(profile: &'a Profile, mapping: &Mapping, build_id: &'a str) -> Self {
        Self { file: profile.string(mapping.file), build_id, profile_time_ns: profile.time_ns }
    }

    /// Whether the mapping has no file: the kernel made it, or it is memory of the program itself.
    pub(crate) fn is_pseudo(&self) -> bool {
        const PREFIXES: [&str; 7] =
            ["[", "//", "/memfd:", "/dev/", "anon_inode:", "linux-vdso", "linux-gate"];
        self.file.is_empty() && self.build_id.is_empty()
            || PREFIXES.iter().any(|prefix| self.file.starts_with(prefix))
    }

    /// The path without the kernel's mark for a file that was replaced or removed.
    fn unmarked(&self) -> &'a Path {
        Path::new(self.file.strip_suffix(" (deleted)").unwrap_or(self.file))
    }

    /// The file's name without its directories.
    pub(crate) fn name(&self) -> Option<&'a OsStr> {
        self.unmarked().file_name()
    }

    /// The path at which to look for the file on this machine. `None` if the path means a different file to
    /// every process (`/proc/self/exe`, a relative path), or if only the path identifies a file that was
    /// replaced (there is no build id).
    pub(crate) fn path(&self) -> Option<&'a Path> {
        let is_there = !self.is_pseudo()
            && self.unmarked().is_absolute()
            && !self.unmarked().starts_with("/proc")
            && (!self.build_id.is_empty() || !self.file.ends_with(" (deleted)"));
        is_there.then(|| self.unmarked())
    }

    /// Whether `candidate` has the name of this mapping's file, ignoring the version after a library's name.
    fn is_namesake(&self, candidate: &Binary) -> bool {
        /// A library's name up to its `.so`; other names in full.
        fn stem(name: &OsStr) -> Cow<'_, str> {
            let name = name.to_string_lossy();
            match name.find(".so") {
                Some(end) if matches!(name.as_bytes().get(end + 3), None | Some(b'.')) => {
                    Cow::Owned(name[..end + 3].to_owned())
                }
                _ => name,
            }
        }
        match (candidate.path.file_name(), self.name()) {
            (Some(candidate), Some(own)) => stem(candidate) == stem(own),
            _ => false,
        }
    }

    /// Whether the name belongs to a library.
    fn is_library(&self) -> bool {
        self.name().is_some_and(|it| it.to_string_lossy().contains(".so"))
    }

    fn fits(&self, candidate: &Binary) -> bool {
        match self.build_id {
            "" => self.is_namesake(candidate),
            id => candidate.is_build(id),
        }
    }
}

/// The places in which to look for files.
pub(crate) struct Finder<'a> {
    pub(crate) options: &'a Options,
    pub(crate) candidates: Vec<Binary>,
    /// The profile's path for its program, if the program has no build id, and the candidate that was given
    /// for it.
    program: Option<(String, usize)>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(options: &'a Options) -> Result<Self, SymbolError> {
        let open = |path: &PathBuf| {
            Binary::open(path).map_err(|reason| SymbolError::Binary { path: path.clone(), reason })
        };
        let candidates = options.binaries.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { options, candidates, program: None })
    }

    /// Assigns a candidate to the profile's program if neither a build id nor a name does so: the only
    /// candidate that fits no other mapping. The program's mapping is the first one that is not a library's.
    pub(crate) fn assign(&mut self, profile: &Profile) {
        let mut program = None;
        let mut left: Vec<usize> = (0..self.candidates.len()).collect();
        each_wanted(profile, |wanted| {
            left.retain(|&it| !wanted.fits(&self.candidates[it]));
            let is_named =
                !wanted.file.is_empty() && (!wanted.is_pseudo() || wanted.unmarked().starts_with("/memfd:"));
            if program.is_none() && is_named && !wanted.is_library() {
                program = Some((wanted.file.to_owned(), wanted.build_id.is_empty()));
            }
        });
        if let ([candidate], Some((file, true))) = (left.as_slice(), program) {
            self.program = Some((file, *candidate));
        }
    }

    /// Whether one of the given binaries is this mapping's file.
    pub(crate) fn has_candidate(&self, wanted: Wanted<'_>) -> bool {
        self.candidates.iter().any(|it| wanted.fits(it)) || self.program_candidate(wanted).is_some()
    }

    fn program_candidate(&self, wanted: Wanted<'_>) -> Option<&Binary> {
        let (file, candidate) = self.program.as_ref()?;
        (wanted.build_id.is_empty() && wanted.file == file).then(|| &self.candidates[*candidate])
    }

    /// The candidates that fit none of the profile's mappings: another build, or another program.
    pub(crate) fn unused_binaries(&self, profile: &Profile) -> impl Iterator<Item = &Binary> {
        let mut left: Vec<usize> = (0..self.candidates.len()).collect();
        each_wanted(profile, |wanted| left.retain(|&it| !wanted.fits(&self.candidates[it])));
        left.retain(|&it| self.program.as_ref().is_none_or(|program| program.1 != it));
        left.into_iter().map(|it| &self.candidates[it])
    }

    /// The file of a mapping, if it is the one that was mapped; else a debug file of the same build.
    pub(crate) fn binary(&self, wanted: Wanted<'_>) -> Result<Binary, Missing> {
        let path = wanted.path().ok_or(Missing::NoPath);
        let open = || open(path.clone()?);
        let namesake = self.candidates.iter().find(|it| wanted.is_namesake(it));
        if wanted.build_id.is_empty() {
            return match namesake.or_else(|| self.program_candidate(wanted)) {
                Some(candidate) => Ok(candidate.clone()),
                None => unchanged(open()?, wanted.profile_time_ns),
            };
        }
        let mut of_build = self.candidates.iter().filter(|it| it.is_build(wanted.build_id));
        if let Some(candidate) = of_build.clone().find(|it| it.has_code()) {
            return Ok(candidate.clone());
        }
        let reason = match open() {
            Ok(binary) if binary.is_build(wanted.build_id) => return Ok(binary),
            Ok(binary) => Missing::OtherBuild { path: binary.path, found: binary.build_id },
            Err(reason) => reason,
        };
        let beside_debug_files = self.options.debug_dirs.iter().find_map(|dir| {
            let by_id = build_id_path(wanted.build_id, "").map(|it| dir.join(it));
            let flat = wanted.name().map(|name| dir.join(name));
            let found = |it: PathBuf| open_build(&it, wanted.build_id).filter(Binary::has_code);
            by_id.and_then(found).or_else(|| flat.and_then(found))
        });
        if let Some(binary) = beside_debug_files {
            return Ok(binary);
        }
        if let Some(binary) = of_build.next().cloned().or_else(|| self.debug_file_alone(wanted)) {
            return Ok(binary);
        }
        // A candidate has the name of this file: the error says why it does not fit.
        Err(match namesake {
            Some(it) => Missing::OtherBuild { path: it.path.clone(), found: it.build_id.clone() },
            None => reason,
        })
    }
}

/// Calls `visit` with the description of each mapping's file.
fn each_wanted(profile: &Profile, mut visit: impl FnMut(Wanted<'_>)) {
    for mapping in profile.mappings() {
        let build_id = normal_id(profile.string(mapping.build_id));
        visit(Wanted::new(profile, mapping, &build_id));
    }
}

pub(crate) fn open(path: &Path) -> Result<Binary, Missing> {
    // `exists` is also false for a file in an unreadable directory; both cases count as missing.
    if !path.exists() {
        return Err(Missing::NotFound);
    }
    Binary::open(path).map_err(|reason| Missing::Unreadable { path: path.to_owned(), reason })
}

pub(crate) fn open_build(path: &Path, id: &str) -> Option<Binary> {
    open(path).ok().filter(|it| it.is_build(id))
}

/// Without a build id, only the modification time distinguishes builds.
fn unchanged(binary: Binary, profile_time_ns: i64) -> Result<Binary, Missing> {
    let taken = u64::try_from(profile_time_ns).ok().filter(|&ns| ns > 0);
    let taken = taken.map(|ns| UNIX_EPOCH + Duration::from_nanos(ns));
    match (taken, binary.modified) {
        (Some(taken), Some(modified)) if modified > taken => Err(Missing::Changed { path: binary.path }),
        _ => Ok(binary),
    }
}

/// `.build-id/ab/cdef…` with `suffix`. The id must be hexadecimal, so that it cannot lead elsewhere.
pub(crate) fn build_id_path(id: &str, suffix: &str) -> Option<PathBuf> {
    let is_hex = id.len() > 2 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = is_hex.then(|| id.to_ascii_lowercase())?;
    Some(PathBuf::from(format!(".build-id/{}/{}{suffix}", &id[..2], &id[2..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_build_id_becomes_a_path() {
        assert_eq!(build_id_path("ABcdef", ".debug"), Some(PathBuf::from(".build-id/ab/cdef.debug")));
        assert_eq!(build_id_path("../../etc", ""), None);
        assert_eq!(build_id_path("ab", ""), None);
    }

    #[test]
    fn mappings_without_a_file_are_recognised() {
        let is_pseudo = |file| Wanted { file, build_id: "", profile_time_ns: 0 }.is_pseudo();
        for file in ["", "[vdso]", "[heap]", "//anon", "/memfd:jit (deleted)", "linux-vdso.so.1"] {
            assert!(is_pseudo(file), "{file}");
        }
        assert!(!is_pseudo("/usr/bin/demo"));
        assert!(!is_pseudo("demo"));
    }

    #[test]
    fn a_path_that_depends_on_the_process_is_not_opened() {
        let path = |file, build_id| Wanted { file, build_id, profile_time_ns: 0 }.path().map(Path::to_owned);
        for file in
            ["/proc/self/exe", "/proc/17/root/bin/demo", "demo", "./demo", "[vdso]", "//anon", "/memfd:jit"]
        {
            assert_eq!(path(file, "ab"), None, "{file}");
        }
        assert_eq!(path("/bin/demo (deleted)", ""), None);
        assert_eq!(path("/bin/demo (deleted)", "ab"), Some(PathBuf::from("/bin/demo")));
        assert_eq!(path("/process/demo", ""), Some(PathBuf::from("/process/demo")));
    }
}
