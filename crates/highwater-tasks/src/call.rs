//! Calls of a stack, and the packages they belong to.

use crate::package::name_and_version;

/// A call of a stack, with the known facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The function, from the symbol table or from debug information: with or without its path, and with or
    /// without types.
    pub function: &'a str,
    /// The source file, if debug information names it.
    pub file: Option<&'a str>,
}

/// The version of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Rises with breaking changes.
    pub major: u32,
    /// Rises with new features; below 1.0, with breaking changes.
    pub minor: u32,
}

/// The package of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a str,
    /// `None` if the directory of the sources has no version in its name.
    pub(crate) version: Option<Version>,
}

/// Maximum calls of an allocator before the first call of the standard library, the compiler or an executor.
const MOST_CALLS_OF_ALLOCATORS: usize = 32;

/// Packages that run tasks, or that stand between a program and such a package.
const EXECUTORS: &[&str] = &[
    "tokio",
    "async-task",
    "futures-util",
    "async-executor",
    "smol",
    "blocking",
    "async-global-executor",
    "async-std",
    "async-lock",
    "futures-executor",
    "futures-lite",
];

impl<'a> Call<'a> {
    /// The function's own name, without path and types.
    pub(crate) fn name(&self) -> &'a str {
        let mut depth = 0_usize;
        let mut begin = 0;
        let mut end = None;
        let bytes = self.function.as_bytes();
        for (place, byte) in bytes.iter().enumerate() {
            match byte {
                b'<' => {
                    if depth == 0 {
                        end = Some(place);
                    }
                    depth += 1;
                }
                // The arrow of a function type closes no bracket.
                b'>' if place == 0 || bytes[place - 1] != b'-' => depth = depth.saturating_sub(1),
                b':' if depth == 0
                    && bytes.get(place + 1) != Some(&b':')
                    && bytes.get(place + 1) != Some(&b'<') =>
                {
                    (begin, end) = (place + 1, None);
                }
                _ => {}
            }
        }
        let name = self.function.get(begin..end.filter(|it| *it >= begin).unwrap_or(bytes.len()));
        name.unwrap_or(self.function).trim_end_matches(':')
    }

    /// Whether the function's path begins with `path`, inside an angle bracket or not.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.function.trim_start_matches(['<', '&']).starts_with(path)
    }

    /// Whether the function belongs to this type, in any spelling.
    pub(crate) fn has_type(&self, path: &str) -> bool {
        let rest = self.function.trim_start_matches(['<', '&']).strip_prefix(path);
        rest.is_some_and(|it| it.starts_with(['<', '>']) || it.starts_with("::"))
    }

    /// Whether the name of its file ends with this.
    pub(crate) fn is_in(&self, file: &str) -> bool {
        self.file.is_some_and(|it| it.replace('\\', "/").ends_with(file))
    }

    /// Whether the call belongs to Rust's standard library.
    pub(crate) fn is_standard(&self) -> bool {
        match self.file {
            Some(file) => file.contains("/rustc/") || file.contains("/rustlib/src/rust/library/"),
            None => ["alloc::", "core::", "std::"].iter().any(|it| self.has_path(it)),
        }
    }

    /// Whether this is a function that the compiler puts between a program and its allocator.
    fn is_of_compiler(&self) -> bool {
        let name = self.name();
        ["__rust_alloc", "__rust_realloc", "__rdl_", "__rg_"].iter().any(|it| name.starts_with(it))
    }

    /// Whether this is a function of Highwater, which records the block.
    fn is_of_recorder(&self) -> bool {
        self.has_path("highwater_runtime::")
            || self.package().is_some_and(|it| it.name == "highwater-runtime")
    }

    pub(crate) fn is_of_executors(&self) -> bool {
        self.package().is_some_and(|it| EXECUTORS.contains(&it.name))
    }

    /// The package of the call: from the directory of its file, or else from its path if that is an
    /// executor's.
    pub(crate) fn package(&self) -> Option<Package<'a>> {
        if self.is_standard() {
            return None;
        }
        let Some(file) = self.file else {
            let is_of = |name: &&str| self.has_path(&format!("{}::", name.replace('-', "_")));
            return EXECUTORS.iter().find(|it| is_of(it)).map(|name| Package { name, version: None });
        };
        let mut directory: Option<&str> = None;
        let mut found = None;
        for part in file.split(['/', '\\']) {
            if part == "src"
                && let Some(directory) = directory
            {
                found = package(directory).or(found);
            }
            directory = Some(part);
        }
        found
    }
}

/// Parses `tokio-1.54.1`, or the name of an executor.
fn package(directory: &str) -> Option<Package<'_>> {
    let Some((name, version)) = name_and_version(directory) else {
        return EXECUTORS.contains(&directory).then_some(Package { name: directory, version: None });
    };
    let mut numbers = version.split('.').map(|it| it.parse().ok());
    let (Some(major), Some(minor)) = (numbers.next().flatten(), numbers.next().flatten()) else {
        // The numbers are too large for a version of a crate.
        return None;
    };
    Some(Package { name, version: Some(Version { major, minor }) })
}

/// Index of the first call outside of the allocator: after the calls of the allocator, of the compiler and
/// of the standard library.
pub(crate) fn behind_allocator(calls: &[Call<'_>]) -> Option<usize> {
    let is_end = |it: &Call<'_>| it.is_standard() || it.is_of_compiler() || it.is_of_executors();
    // Without optimization, standard library calls are between the recorder's own calls.
    let first = calls.iter().take(MOST_CALLS_OF_ALLOCATORS).rposition(Call::is_of_recorder);
    let first = first.map_or(0, |it| it + 1);
    let begin = first + calls[first..].iter().take(MOST_CALLS_OF_ALLOCATORS).position(is_end)?;
    let is_outside = |it: &Call<'_>| !it.is_standard() && !it.is_of_compiler();
    calls[begin..].iter().position(is_outside).map(|it| begin + it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(function: &'a str, file: &'a str) -> Call<'a> {
        Call { function, file: Some(file).filter(|it| !it.is_empty()) }
    }

    #[test]
    fn names_are_the_last_part() {
        for (function, expected) in [
            ("tokio::runtime::task::core::Cell<T,S>::new", "new"),
            ("new<app::work::{async_fn_env#0}, alloc::sync::Arc<tokio::Handle>>", "new"),
            ("<tokio::runtime::task::core::Cell<app::F, app::S>>::new", "new"),
            ("tokio::task::spawn::spawn::<app::work::{closure#0}>", "spawn"),
            ("spawn<fn() -> core::option::Option<app::T>>", "spawn"),
            ("__rust_alloc", "__rust_alloc"),
            ("{closure#0}<app::T>", "{closure#0}"),
            ("a::b::{{closure}}", "{{closure}}"),
            ("", ""),
        ] {
            assert_eq!(call(function, "").name(), expected, "{function}");
        }
    }

    #[test]
    fn directories_name_their_packages() {
        let of = |file: &str| call("f", file).package().map(|it| (it.name.to_owned(), it.version));
        let version = |major, minor| Some(Version { major, minor });
        for (file, expected) in [
            (
                "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.54.1/src/task/spawn.rs",
                Some(("tokio", version(1, 54))),
            ),
            (
                "/cargo/registry/src/-163436ec34637ad2/async-task-4.7.1/src/raw.rs",
                Some(("async-task", version(4, 7))),
            ),
            ("/x/futures-util-0.3.0-alpha.1/src/a.rs", Some(("futures-util", version(0, 3)))),
            (r"C:\cargo\registry\src\index-1\tokio-1.2.3\src\task\spawn.rs", Some(("tokio", version(1, 2)))),
            ("/home/me/vendor/tokio/src/task/spawn.rs", Some(("tokio", None))),
            ("/home/me/mine/src/a.rs", None),
            ("/rustc/0123/library/alloc/src/boxed.rs", None),
        ] {
            assert_eq!(of(file), expected.map(|(name, version)| (name.to_owned(), version)), "{file}");
        }
        let by_path = call("<tokio::runtime::task::core::Cell<T,S>>::new", "").package();
        assert_eq!(by_path, Some(Package { name: "tokio", version: None }));
        assert_eq!(call("tokio_util::codec::new", "").package(), None);
    }

    #[test]
    fn the_allocator_ends_where_the_standard_library_does() {
        let std = "/rustc/0123/library/alloc/src/alloc.rs";
        let stack = [
            call("<app::Mine as core::alloc::global::GlobalAlloc>::alloc", "/home/me/app/src/main.rs"),
            call("__rust_alloc", "/home/me/app/src/main.rs"),
            call("alloc", std),
            call("new<app::T>", "/rustc/0123/library/alloc/src/boxed.rs"),
            call("app::build", "/home/me/app/src/main.rs"),
        ];
        assert_eq!(behind_allocator(&stack), Some(4));
        assert_eq!(behind_allocator(&stack[1..]), Some(3));
        assert_eq!(behind_allocator(&stack[..4]), None);
        assert_eq!(behind_allocator(&[]), None);
        let recorder = [
            call("highwater_runtime::exact::find", "/home/me/crates/highwater-runtime/src/exact.rs"),
            call("core::option::Option<T>::and_then", "/rustc/0123/library/core/src/option.rs"),
            call("highwater_runtime::alloc::record", "/home/me/crates/highwater-runtime/src/alloc.rs"),
        ];
        assert_eq!(behind_allocator(&[&recorder[..], &stack].concat()), Some(7));
    }
}
