//! Finds the debug information of a binary: in the binary itself, in a debug file by build id or by link, in
//! a dSYM bundle, and in the shared and split files to which these refer.
//!
//! A file is accepted if it has the binary's build id. If one of the two has no build id, the file must have
//! the checksum in the link.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::{Binary, checksum};
use crate::dwarf::DebugFiles;
use crate::find::{Finder, Wanted, build_id_path, open, open_build};
use crate::split::SplitPlaces;

/// Maximum directory entries to read in search of dSYM bundles.
const MAX_ENTRIES: usize = 4096;

impl Finder<'_> {
    /// The files with the debug information of `binary`, if there are any.
    pub(crate) fn debug_files(&self, binary: &Binary) -> Option<DebugFiles> {
        let main = self.debug_file(binary)?;
        let shared = self.shared_debug_file(&main);
        Some(DebugFiles {
            shared_is_missing: main.shared_debug_link.is_some() && shared.is_none(),
            shared,
            split: self.split_places(binary, &main),
            main: main.path,
        })
    }

    /// A debug file for a mapping whose binary is missing. Only its build id identifies it.
    pub(crate) fn debug_file_alone(&self, wanted: Wanted<'_>) -> Option<Binary> {
        let by_id = self.by_build_id(wanted.build_id, ".debug");
        let bundles = self.options.debug_dirs.iter().flat_map(|dir| in_bundles(dir));
        let name = wanted.name();
        let flat =
            self.options.debug_dirs.iter().filter_map(|dir| Some(dir.join(with_suffix(name?, ".debug"))));
        let mut places = by_id.into_iter().chain(flat).chain(bundles);
        places.find_map(|path| open_build(&path, wanted.build_id).filter(|it| it.has_debug_info))
    }

    fn debug_file(&self, binary: &Binary) -> Option<Binary> {
        if binary.has_debug_info {
            return Some(binary.clone());
        }
        if let Some(id) = &binary.build_id {
            // Perhaps only the given copy or only the installed copy was stripped.
            if let Some(it) = self.candidates.iter().find(|it| it.is_build(id) && it.has_debug_info) {
                return Some(it.clone());
            }
            let by_id = self.by_build_id(id, ".debug");
            let bundles = if binary.is_mach_o { self.bundles(binary) } else { Vec::new() };
            let mut places = by_id.into_iter().chain(bundles);
            if let Some(it) = places.find_map(|path| belongs(&path, binary, None)) {
                return Some(it);
            }
        }
        let link = binary.debug_link.as_ref();
        let linked = link.and_then(|(name, checksum)| {
            self.beside(binary, name).into_iter().find_map(|path| belongs(&path, binary, Some(*checksum)))
        });
        linked.or_else(|| {
            let name = with_suffix(binary.path.file_name()?, ".debug");
            self.beside(binary, &name).into_iter().find_map(|path| belongs(&path, binary, None))
        })
    }

    fn by_build_id(&self, id: &str, suffix: &str) -> Vec<PathBuf> {
        let path = build_id_path(id, suffix);
        path.iter().flat_map(|it| self.options.debug_dirs.iter().map(move |dir| dir.join(it))).collect()
    }

    /// The paths at which a file called `name` belongs to `binary`.
    fn beside(&self, binary: &Binary, name: &Path) -> Vec<PathBuf> {
        let own_dir = parent(&binary.path);
        let mut paths = vec![own_dir.join(name), own_dir.join(".debug").join(name)];
        for dir in &self.options.debug_dirs {
            let below = own_dir.strip_prefix("/").unwrap_or(own_dir);
            paths.extend([dir.join(below).join(name), dir.join(name)]);
        }
        paths.retain(|path| *path != binary.path);
        paths
    }

    fn bundles(&self, binary: &Binary) -> Vec<PathBuf> {
        let dirs = self.options.debug_dirs.iter().map(PathBuf::as_path);
        std::iter::once(parent(&binary.path)).chain(dirs).flat_map(in_bundles).collect()
    }

    /// The file with which `debug_file` shares parts of its debug information, if it names one.
    fn shared_debug_file(&self, debug_file: &Binary) -> Option<PathBuf> {
        let (link, id) = debug_file.shared_debug_link.as_ref()?;
        let beside = parent(&debug_file.path).join(link);
        let name = link.file_name().map(|name| self.beside(debug_file, Path::new(name)));
        let by_id = self.by_build_id(id, ".debug");
        let mut places = std::iter::once(beside).chain(by_id).chain(name.into_iter().flatten());
        places.find_map(|path| Some(open_build(&path, id)?.path))
    }

    fn split_places(&self, binary: &Binary, main: &Binary) -> SplitPlaces {
        let mut packages = Vec::new();
        for file in [main, binary] {
            // `demo` has `demo.dwp`; `demo.so` has `demo.so.dwp` or, with some linker wrappers, `demo.dwp`.
            if let Some(name) = file.path.file_name() {
                packages.extend(self.beside(file, &with_suffix(name, ".dwp")));
                packages.extend(self.beside(file, &Path::new(name).with_extension("dwp")));
            }
        }
        if let Some(id) = &binary.build_id {
            packages.extend(self.by_build_id(id, ".dwp"));
            packages.extend(self.by_build_id(id, ".debug.dwp"));
        }
        let mut seen = HashSet::new();
        packages.retain(|path| seen.insert(path.clone()) && path.is_file());
        let mut directories = self.options.debug_dirs.clone();
        directories.extend([parent(&main.path).to_owned(), parent(&binary.path).to_owned()]);
        SplitPlaces { packages, directories }
    }
}

/// The file at `path`, if it has debug information and is of the same build as `binary`. If there is no build
/// id, the checksum `link` from `binary` decides.
fn belongs(path: &Path, binary: &Binary, link: Option<u32>) -> Option<Binary> {
    let file = open(path).ok().filter(|it| it.has_debug_info)?;
    let belongs = match (&binary.build_id, &file.build_id) {
        (Some(own), Some(its)) => own == its,
        _ => link.is_some_and(|link| checksum(path).is_ok_and(|it| it == link)),
    };
    belongs.then_some(file)
}

/// The files with debug information in the dSYM bundles of a directory. The directory may itself be such a
/// bundle.
fn in_bundles(dir: &Path) -> Vec<PathBuf> {
    let is_bundle = |path: &Path| path.extension().is_some_and(|it| it == "dSYM");
    let bundles = if is_bundle(dir) {
        vec![dir.to_owned()]
    } else {
        entries(dir).into_iter().filter(|it| is_bundle(it)).collect()
    };
    bundles.iter().flat_map(|it| entries(&it.join("Contents/Resources/DWARF"))).collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.take(MAX_ENTRIES).flatten().map(|it| it.path()).collect();
    paths.sort();
    paths
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn with_suffix(name: &OsStr, suffix: &str) -> PathBuf {
    let mut name = name.to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
