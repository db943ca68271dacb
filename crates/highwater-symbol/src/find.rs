//! Finding the file behind a mapping. The debug file behind that is found by [`crate::debug_file`].

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::binary::Binary;
use crate::{Missing, Options, SymbolError};

/// What a mapping says about its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) file: &'a str,
    /// As [`crate::binary::normal_id`] has it; empty when unknown.
    pub(crate) build_id: &'a str,
    /// When the profile was taken, in nanoseconds since 1970; 0 when unknown.
    pub(crate) profile_time_ns: i64,
}

impl Wanted<'_> {
    /// No file stands behind such a mapping: it is made by the kernel, or memory of the program itself.
    pub(crate) fn is_pseudo(&self) -> bool {
        const PREFIXES: [&str; 7] =
            ["[", "//", "/memfd:", "/dev/", "anon_inode:", "linux-vdso", "linux-gate"];
        self.file.is_empty() && self.build_id.is_empty()
            || PREFIXES.iter().any(|prefix| self.file.starts_with(prefix))
    }

    pub(crate) fn path(&self) -> &Path {
        // The kernel marks files that were replaced while they ran; the new one may still be the same build.
        Path::new(self.file.strip_suffix(" (deleted)").unwrap_or(self.file))
    }

    /// Whether `candidate` was given to stand for this mapping's file, as far as names tell.
    fn is_namesake(&self, candidate: &Binary) -> bool {
        candidate.path.file_name() == self.path().file_name()
    }
}

/// The places where files are looked for.
pub(crate) struct Finder<'a> {
    pub(crate) options: &'a Options,
    pub(crate) candidates: Vec<Binary>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(options: &'a Options) -> Result<Self, SymbolError> {
        let open = |path: &PathBuf| {
            Binary::open(path).map_err(|reason| SymbolError::Binary { path: path.clone(), reason })
        };
        let candidates = options.binaries.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { options, candidates })
    }

    /// The candidates that fit none of these mappings: another build, or another program.
    pub(crate) fn strangers<'b>(&'b self, all: &[Wanted<'_>]) -> impl Iterator<Item = &'b Binary> {
        self.candidates.iter().filter(|it| {
            let fits = |wanted: &Wanted<'_>| match wanted.build_id {
                "" => wanted.is_namesake(it),
                id => it.is_build(id),
            };
            !all.iter().any(fits)
        })
    }

    /// The file of a mapping, if it is the one that was mapped; else a debug file of the same build.
    pub(crate) fn binary(&self, wanted: Wanted<'_>) -> Result<Binary, Missing> {
        let path = wanted.path();
        let namesake = self.candidates.iter().find(|it| wanted.is_namesake(it));
        if wanted.build_id.is_empty() {
            return match namesake {
                Some(candidate) => Ok(candidate.clone()),
                None => unchanged(open(path)?, wanted.profile_time_ns),
            };
        }
        let mut of_build = self.candidates.iter().filter(|it| it.is_build(wanted.build_id));
        if let Some(candidate) = of_build.clone().find(|it| it.has_code()) {
            return Ok(candidate.clone());
        }
        let reason = match open(path) {
            Ok(binary) if binary.is_build(wanted.build_id) => return Ok(binary),
            Ok(binary) => Missing::OtherBuild { path: binary.path, found: binary.build_id },
            Err(reason) => reason,
        };
        let beside_debug_files = self.options.debug_dirs.iter().find_map(|dir| {
            let by_id = build_id_path(wanted.build_id, "").map(|it| dir.join(it));
            let flat = path.file_name().map(|name| dir.join(name));
            let found = |it: PathBuf| open_build(&it, wanted.build_id).filter(Binary::has_code);
            by_id.and_then(found).or_else(|| flat.and_then(found))
        });
        if let Some(binary) = beside_debug_files {
            return Ok(binary);
        }
        if let Some(binary) = of_build.next().cloned().or_else(|| self.debug_file_alone(wanted)) {
            return Ok(binary);
        }
        // A candidate was given to stand for this file: say why it does not.
        Err(match namesake {
            Some(it) => Missing::OtherBuild { path: it.path.clone(), found: it.build_id.clone() },
            None => reason,
        })
    }
}

pub(crate) fn open(path: &Path) -> Result<Binary, Missing> {
    // `exists` is false as well for a file in a directory that may not be read; both are "not there" for us.
    if !path.exists() {
        return Err(Missing::NotFound);
    }
    Binary::open(path).map_err(|reason| Missing::Unreadable { path: path.to_owned(), reason })
}

pub(crate) fn open_build(path: &Path, id: &str) -> Option<Binary> {
    open(path).ok().filter(|it| it.is_build(id))
}

/// Without a build id the time of the last change is all there is to tell builds apart.
fn unchanged(binary: Binary, profile_time_ns: i64) -> Result<Binary, Missing> {
    let taken = u64::try_from(profile_time_ns).ok().filter(|&ns| ns > 0);
    let taken = taken.map(|ns| UNIX_EPOCH + Duration::from_nanos(ns));
    match (taken, binary.modified) {
        (Some(taken), Some(modified)) if modified > taken => Err(Missing::Changed { path: binary.path }),
        _ => Ok(binary),
    }
}

/// `.build-id/ab/cdef…` with `suffix`. Only for ids that are hexadecimal and so cannot lead anywhere else.
pub(crate) fn build_id_path(id: &str, suffix: &str) -> Option<PathBuf> {
    let is_hex = id.len() > 2 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = is_hex.then(|| id.to_ascii_lowercase())?;
    Some(PathBuf::from(format!(".build-id/{}/{}{suffix}", &id[..2], &id[2..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_becomes_a_path_only_when_it_is_one() {
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
}
