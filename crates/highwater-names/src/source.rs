//! What the path of a source file says about the package whose code it is.
//!
//! Functions that are generic over their own type, and inlined ones without a full name, are distinguished by
//! nothing else.

use std::borrow::Cow;
use std::ops::Range;

use crate::package::Package;

/// Where a source file belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The toolchain's library or a package that is built into it.
    Toolchain(Package<'a>),
    /// A package that cargo fetched from a registry or a repository: certainly a dependency.
    Fetched(Package<'a>),
    /// A package in a vendor directory, or in one that is named after the package and its version. A
    /// dependency, unless the program itself lies there.
    Unpacked(Package<'a>),
    /// Anywhere else: the program's own code, or another language's.
    Elsewhere,
}

impl<'a> Origin<'a> {
    /// The package, where the path says it.
    pub fn package(self) -> Option<Package<'a>> {
        match self {
            Self::Toolchain(package) | Self::Fetched(package) | Self::Unpacked(package) => Some(package),
            Self::Elsewhere => None,
        }
    }
}

/// Where the file at `path` belongs.
pub fn source(path: &str) -> Origin<'_> {
    locate(path).0
}

/// Whether the file is of the toolchain's library: where it was built, or where an installed copy of its
/// sources lies.
pub fn is_in_toolchain(file: &str) -> bool {
    matches!(source(file), Origin::Toolchain(_))
}

/// Whether cargo fetched the file from a registry or a repository.
pub fn is_fetched(file: &str) -> bool {
    matches!(source(file), Origin::Fetched(_))
}

/// Whether a source file belongs to a library that the program was built with, as far as its path says.
pub fn is_in_library(file: &str) -> bool {
    source(file) != Origin::Elsewhere
        || is_in_go_module(file)
        || is_in_c_library(file)
        || file.starts_with("/usr/include/")
}

/// Go keeps its libraries below `pkg/mod`, and its standard library below `go/src` (or `go-1.24/src`).
fn is_in_go_module(file: &str) -> bool {
    let in_toolchain = || {
        let (before, _) = file.split_once("/src/")?;
        let directory = before.rsplit('/').next()?;
        Some(directory == "go" || directory.starts_with("go-") || directory.starts_with("go1"))
    };
    file.ends_with(".go") && (file.contains("/pkg/mod/") || in_toolchain().unwrap_or(false))
}

/// Whether the file is of a C library, by the directories of glibc's sources and the names of others'.
pub fn is_in_c_library(file: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["../sysdeps/", "./csu/", "./nptl/"];
    const DIRECTORIES: [&str; 4] = ["/glibc-", "/glibc/", "/musl-", "/musl/"];
    BEGINNINGS.iter().any(|it| file.starts_with(it))
        || file.contains("/sysdeps/")
        || file.contains("/csu/")
        || file.contains("/nptl/")
        || DIRECTORIES.iter().any(|it| file.contains(it))
}

/// The end of `path` that is the same on every machine, for files of the toolchain and of registries; `path`
/// itself for others.
pub fn short(path: &str) -> &str {
    path.get(locate(path).1..).unwrap_or(path)
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Where the file belongs, and the offset in `path` from which it is shown.
fn locate(path: &str) -> (Origin<'_>, usize) {
    // Separators are one byte each, so offsets agree in both spellings.
    let unified = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) };
    // What `rest` ends with, in the spelling of `path`.
    let at = |rest: &str| path.len() - rest.len();
    let directory = |rest: &str| first(&path[at(rest)..]);

    if let Some(rest) = library(&unified) {
        let shown = at(rest) - "library/".len();
        return match rest.strip_prefix("vendor/") {
            Some(vendored) => (Origin::Toolchain(Package::of(directory(vendored))), at(vendored)),
            None => (Origin::Toolchain(library_package(directory(rest))), shown),
        };
    }
    if let Some(rest) = unified.strip_prefix("/rust/deps/") {
        return (Origin::Toolchain(Package::of(directory(rest))), at(rest));
    }
    if let Some((_, rest)) = behind(&unified, "registry/src/").and_then(|it| it.split_once('/')) {
        return (Origin::Fetched(Package::of(directory(rest))), at(rest));
    }
    if let Some(checkout) = behind(&unified, "git/checkouts/")
        && let Some(name) = of_checkout(checkout)
    {
        let begin = at(checkout) + name.start;
        let name = &path[begin..begin + name.len()];
        return (Origin::Fetched(Package { name, version: None }), at(checkout));
    }
    if let Some(vendored) = behind(&unified, "vendor/")
        && let Some((_, rest)) = vendored.split_once('/')
        && rest.starts_with("src/")
    {
        return (Origin::Unpacked(Package::of(directory(vendored))), 0);
    }
    if let Some(rest) = versioned(&unified) {
        return (Origin::Unpacked(Package::of(directory(rest))), at(rest));
    }
    (Origin::Elsewhere, 0)
}

/// Where the name of the package stands in what is behind `git/checkouts/`:
/// `<repository>-<hash>/<revision>/<path>`. A repository may have several packages, each in a directory of
/// its name.
fn of_checkout(checkout: &str) -> Option<Range<usize>> {
    let (repository, rest) = checkout.split_once('/')?;
    let (_, path) = rest.split_once('/')?;
    let (repository, _) = repository.rsplit_once('-')?;
    let Some(sources) = path.find("/src/").map(|end| &path[..end]) else { return Some(0..repository.len()) };
    let directory = sources.rsplit('/').next().unwrap_or(sources);
    let end = checkout.len() - path.len() + sources.len();
    Some(end - directory.len()..end)
}

/// What begins with `<package>-<version>/src/` at a segment of the path: wherever a registry was mapped to,
/// cargo's own shortening of paths, and the directories of distributions.
fn versioned(path: &str) -> Option<&str> {
    let end = path.find("/src/")?;
    let start = path[..end].rfind('/').map_or(0, |it| it + 1);
    Package::of(&path[start..end]).version.map(|_| &path[start..])
}

/// What follows `library/` in the path of a file of the toolchain.
fn library(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_prefix("/rustc/") {
        return rest.split_once('/')?.1.strip_prefix("library/");
    }
    if let Some(rest) = behind(path, "lib/rustlib/src/rust/library/") {
        return Some(rest);
    }
    let rest = path.strip_prefix("library/")?;
    ["core/src/", "alloc/src/", "std/src/"].iter().any(|it| rest.starts_with(it)).then_some(rest)
}

/// What follows `directory` where it stands at the beginning of a path segment.
fn behind<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let mut found = path.match_indices(directory);
    let (at, _) = found.find(|&(at, _)| at == 0 || path.as_bytes()[at - 1] == b'/')?;
    Some(&path[at + directory.len()..])
}

/// The first part of a path.
fn first(path: &str) -> &str {
    path.split(['/', '\\']).next().unwrap_or(path)
}

/// The crate of a directory of the toolchain's library.
fn library_package(directory: &str) -> Package<'_> {
    let name = match directory {
        "stdarch" | "portable-simd" => "core",
        "backtrace" => "std",
        other => other,
    };
    Package { name, version: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a file belongs in one word, and the name of its crate.
    fn place(path: &str) -> (&'static str, String) {
        let origin = source(path);
        let word = match origin {
            Origin::Toolchain(_) => "toolchain",
            Origin::Fetched(_) => "fetched",
            Origin::Unpacked(_) => "unpacked",
            Origin::Elsewhere => "elsewhere",
        };
        (word, origin.package().map(|it| it.crate_name().into_owned()).unwrap_or_default())
    }

    #[test]
    fn versions_are_those_of_the_directory() {
        for (path, expected) in [
            ("/x/registry/src/i/foo-2d-1.0.0-rc.1/src/lib.rs", Some(("foo-2d", Some("1.0.0-rc.1")))),
            ("C:\\u\\registry\\src\\i\\md-5-0.10.6\\src\\lib.rs", Some(("md-5", Some("0.10.6")))),
            ("/x/git/checkouts/pool-0a1b/77c/src/a.rs", Some(("pool", None))),
            ("/x/vendor/blocking/src/lib.rs", Some(("blocking", None))),
            ("/rustc/59/library/vendor/gimli-0.31.1/src/lib.rs", Some(("gimli", Some("0.31.1")))),
            ("/x/pool/src/lib.rs", None),
        ] {
            let package = source(path).package().map(|it| (it.name, it.version));
            assert_eq!(package, expected, "{path}");
        }
    }

    #[test]
    fn paths_name_their_crates_and_are_shown_short() {
        let none = ("elsewhere", String::new());
        let toolchain = |name: &str| ("toolchain", name.to_owned());
        let fetched = |name: &str| ("fetched", name.to_owned());
        let unpacked = |name: &str| ("unpacked", name.to_owned());
        let cases = [
            (
                "/rustc/59807616e1/library/alloc/src/raw_vec/mod.rs",
                toolchain("alloc"),
                "library/alloc/src/raw_vec/mod.rs",
            ),
            ("/rustc/5980\\library\\std\\src\\io\\mod.rs", toolchain("std"), "library\\std\\src\\io\\mod.rs"),
            (
                "/rustc/59/library/stdarch/crates/core_arch/src/x86.rs",
                toolchain("core"),
                "library/stdarch/crates/core_arch/src/x86.rs",
            ),
            (
                "/rustc/59/library/vendor/gimli-0.31.1/src/lib.rs",
                toolchain("gimli"),
                "gimli-0.31.1/src/lib.rs",
            ),
            (
                "/home/u/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/fmt/mod.rs",
                toolchain("core"),
                "library/core/src/fmt/mod.rs",
            ),
            (
                "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs",
                toolchain("hashbrown"),
                "hashbrown-0.15.2/src/raw/mod.rs",
            ),
            (
                "/home/u/.cargo/registry/src/index.x-6f17/flate2-1.1.0/src/gz/read.rs",
                fetched("flate2"),
                "flate2-1.1.0/src/gz/read.rs",
            ),
            (
                "C:\\u\\registry\\src\\i\\proc-macro2-1.0.9\\src\\lib.rs",
                fetched("proc_macro2"),
                "proc-macro2-1.0.9\\src\\lib.rs",
            ),
            (
                "/x/registry/src/i/foo-2d-1.0.0-rc.1/src/lib.rs",
                fetched("foo_2d"),
                "foo-2d-1.0.0-rc.1/src/lib.rs",
            ),
            (
                "/build/vendor/allocator-api2/src/lib.rs",
                unpacked("allocator_api2"),
                "/build/vendor/allocator-api2/src/lib.rs",
            ),
            (
                "/home/u/.cargo/git/checkouts/tokio-377c595163f99a10/bc3a7b6/tokio-util/src/codec/mod.rs",
                fetched("tokio_util"),
                "tokio-377c595163f99a10/bc3a7b6/tokio-util/src/codec/mod.rs",
            ),
            (
                "/x/git/checkouts/serde-json-377c595163f99a10/bc3a7b6/src/de.rs",
                fetched("serde_json"),
                "serde-json-377c595163f99a10/bc3a7b6/src/de.rs",
            ),
            ("/deps/flate2-1.1.0/src/gz/read.rs", unpacked("flate2"), "flate2-1.1.0/src/gz/read.rs"),
            ("flate2-1.1.0/src/gz/read.rs", unpacked("flate2"), "flate2-1.1.0/src/gz/read.rs"),
            ("/cargo/registry/src/i-6f17/syn-3.0.0/src/file.rs", fetched("syn"), "syn-3.0.0/src/file.rs"),
            ("/home/u/web-app/src/main.rs", none.clone(), "/home/u/web-app/src/main.rs"),
            ("/home/u/.cargo/git/checkouts/odd", none.clone(), "/home/u/.cargo/git/checkouts/odd"),
            ("src/vendor/list/item.rs", none.clone(), "src/vendor/list/item.rs"),
            ("library/src/main.rs", none.clone(), "library/src/main.rs"),
            (
                "crates/highwater/examples/codeindex/main.rs",
                none.clone(),
                "crates/highwater/examples/codeindex/main.rs",
            ),
            ("/rustc/", none.clone(), "/rustc/"),
            ("", none.clone(), ""),
        ];
        for (path, expected, shown) in cases {
            assert_eq!(place(path), expected, "{path}");
            assert_eq!(short(path), shown, "{path}");
        }
    }

    #[test]
    fn libraries_of_go_are_known_by_their_place() {
        for (file, library) in [
            ("/root/go/pkg/mod/example.com/a@v1.0.0/a.go", true),
            ("/usr/lib/go-1.24/src/regexp/regexp.go", true),
            ("/usr/local/go/src/regexp/regexp.go", true),
            ("/home/u/project/src/main.go", false),
            ("/home/u/go/src/lib.rs", false),
            ("/home/u/.cargo/registry/src/i/syn-3.0.0/src/file.rs", true),
        ] {
            assert_eq!(is_in_library(file), library, "{file}");
        }
    }
}
