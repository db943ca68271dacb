//! What the path of a source file says about the crate whose code it is.
//!
//! Functions that are generic over their own type, and inlined ones without a full name, are told apart by nothing
//! else.

use std::borrow::Cow;

/// Where a source file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The toolchain's library or a package it is built from. The name is spelt as in Rust code.
    Toolchain(String),
    /// A package from a registry or a vendor directory. The name is spelt as in Rust code.
    Package(String),
    /// Anywhere else: the program's own code, or another language's.
    Elsewhere,
}

/// Where the file at `path` belongs.
pub(crate) fn source(path: &str) -> Source {
    locate(path).0
}

/// Whether a source file belongs to a library that the program was built with, as far as its path says.
pub(crate) fn is_in_library(file: &str) -> bool {
    source(file) != Source::Elsewhere
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
pub(crate) fn is_in_c_library(file: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["../sysdeps/", "./csu/", "./nptl/"];
    const DIRECTORIES: [&str; 4] = ["/glibc-", "/glibc/", "/musl-", "/musl/"];
    BEGINNINGS.iter().any(|it| file.starts_with(it))
        || file.contains("/sysdeps/")
        || file.contains("/csu/")
        || file.contains("/nptl/")
        || DIRECTORIES.iter().any(|it| file.contains(it))
}

/// The end of `path` that is the same on every machine, for files of the toolchain and of registries; `path` itself
/// for others.
pub(crate) fn short(path: &str) -> &str {
    path.get(locate(path).1..).unwrap_or(path)
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Where the file belongs, and the offset in `path` from which it is shown.
fn locate(path: &str) -> (Source, usize) {
    // Separators are one byte each, so offsets agree in both spellings.
    let unified = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) };
    let at = |rest: &str| path.len() - rest.len();

    if let Some(rest) = library(&unified) {
        let shown = at(rest) - "library/".len();
        return match rest.strip_prefix("vendor/") {
            Some(vendored) => (Source::Toolchain(package(first(vendored))), at(vendored)),
            None => (Source::Toolchain(library_crate(first(rest))), shown),
        };
    }
    if let Some(rest) = unified.strip_prefix("/rust/deps/") {
        return (Source::Toolchain(package(first(rest))), at(rest));
    }
    if let Some((_, rest)) = behind(&unified, "registry/src/").and_then(|it| it.split_once('/')) {
        return (Source::Package(package(first(rest))), at(rest));
    }
    if let Some(checkout) = behind(&unified, "git/checkouts/")
        && let Some(name) = of_checkout(checkout)
    {
        return (Source::Package(name), at(checkout));
    }
    if let Some((directory, rest)) = behind(&unified, "vendor/").and_then(|it| it.split_once('/'))
        && rest.starts_with("src/")
    {
        return (Source::Package(package(directory)), 0);
    }
    if let Some(rest) = versioned(&unified) {
        return (Source::Package(package(first(rest))), at(rest));
    }
    (Source::Elsewhere, 0)
}

/// The crate of a file in a checkout of cargo: `<repository>-<hash>/<revision>/<path>`. A repository may have several
/// packages, each in a directory of its name.
fn of_checkout(checkout: &str) -> Option<String> {
    let (repository, rest) = checkout.split_once('/')?;
    let (_, path) = rest.split_once('/')?;
    let (repository, _) = repository.rsplit_once('-')?;
    let sources = path.find("/src/").map(|end| &path[..end]);
    let directory = sources.and_then(|it| it.rsplit('/').next()).unwrap_or(repository);
    Some(directory.replace('-', "_"))
}

/// What begins with `<package>-<version>/src/` at a segment of the path: wherever a registry was mapped to, cargo's own
/// shortening of paths, and the directories of distributions.
fn versioned(path: &str) -> Option<&str> {
    let end = path.find("/src/")?;
    let start = path[..end].rfind('/').map_or(0, |it| it + 1);
    let directory = &path[start..end];
    (package(directory).len() < directory.len()).then(|| &path[start..])
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

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The crate of a directory of the toolchain's library.
fn library_crate(directory: &str) -> String {
    match directory {
        "stdarch" | "portable-simd" => "core".to_owned(),
        "backtrace" => "std".to_owned(),
        other => other.replace('-', "_"),
    }
}

/// The crate of a directory named `<package>-<version>`, or just `<package>`.
fn package(directory: &str) -> String {
    let is_version = |text: &str| {
        let mut numbers = text.splitn(3, '.');
        numbers.by_ref().take(2).filter(|it| it.parse::<u64>().is_ok()).count() == 2
            && numbers.next().is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()))
    };
    let end = directory.match_indices('-').find(|&(at, _)| is_version(&directory[at + 1..]));
    directory[..end.map_or(directory.len(), |it| it.0)].replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_crates_and_are_shown_short() {
        let toolchain = |name: &str| Source::Toolchain(name.into());
        let from = |name: &str| Source::Package(name.into());
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
                from("flate2"),
                "flate2-1.1.0/src/gz/read.rs",
            ),
            (
                "C:\\u\\registry\\src\\i\\proc-macro2-1.0.9\\src\\lib.rs",
                from("proc_macro2"),
                "proc-macro2-1.0.9\\src\\lib.rs",
            ),
            (
                "/x/registry/src/i/foo-2d-1.0.0-rc.1/src/lib.rs",
                from("foo_2d"),
                "foo-2d-1.0.0-rc.1/src/lib.rs",
            ),
            (
                "/build/vendor/allocator-api2/src/lib.rs",
                from("allocator_api2"),
                "/build/vendor/allocator-api2/src/lib.rs",
            ),
            (
                "/home/u/.cargo/git/checkouts/tokio-377c595163f99a10/bc3a7b6/tokio-util/src/codec/mod.rs",
                from("tokio_util"),
                "tokio-377c595163f99a10/bc3a7b6/tokio-util/src/codec/mod.rs",
            ),
            (
                "/x/git/checkouts/serde-json-377c595163f99a10/bc3a7b6/src/de.rs",
                from("serde_json"),
                "serde-json-377c595163f99a10/bc3a7b6/src/de.rs",
            ),
            ("/deps/flate2-1.1.0/src/gz/read.rs", from("flate2"), "flate2-1.1.0/src/gz/read.rs"),
            ("flate2-1.1.0/src/gz/read.rs", from("flate2"), "flate2-1.1.0/src/gz/read.rs"),
            ("/cargo/registry/src/i-6f17/syn-3.0.0/src/file.rs", from("syn"), "syn-3.0.0/src/file.rs"),
            ("/home/u/web-app/src/main.rs", Source::Elsewhere, "/home/u/web-app/src/main.rs"),
            ("/home/u/.cargo/git/checkouts/odd", Source::Elsewhere, "/home/u/.cargo/git/checkouts/odd"),
            ("src/vendor/list/item.rs", Source::Elsewhere, "src/vendor/list/item.rs"),
            ("library/src/main.rs", Source::Elsewhere, "library/src/main.rs"),
            (
                "crates/highwater/examples/codeindex/main.rs",
                Source::Elsewhere,
                "crates/highwater/examples/codeindex/main.rs",
            ),
            ("/rustc/", Source::Elsewhere, "/rustc/"),
            ("", Source::Elsewhere, ""),
        ];
        for (path, expected, shown) in cases {
            assert_eq!(source(path), expected, "{path}");
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
