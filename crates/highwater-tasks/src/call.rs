//! Calls of a stack, and the packages they belong to.

use highwater_names::{allocators, function, own, source};

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
        function::own_name(self.function)
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
            Some(file) => source::is_in_toolchain(file),
            None => ["alloc::", "core::", "std::"].iter().any(|it| self.has_path(it)),
        }
    }

    /// Whether this is a function that the compiler puts between a program and its allocator.
    fn is_of_compiler(&self) -> bool {
        allocators::is_of_compiler(self.name())
    }

    /// Whether it is a call of the program's own allocator. Blocks are recorded in front of it.
    fn is_of_allocator(&self) -> bool {
        self.is_of_compiler() || self.function.contains("GlobalAlloc>::")
    }

    /// Whether this is a function of Highwater, which records the block.
    fn is_of_recorder(&self) -> bool {
        let package = self.file.and_then(|it| source::source(it).package());
        own::is_in_recorder(self.function)
            || self.has_path("highwater_hooks::malloc::")
            || package.is_some_and(|it| own::is_recorder(&it.crate_name()) || it.name == "highwater-hooks")
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
        match source::source(file).package() {
            Some(package) => with_version(package),
            None => executor_beside(file).map(|name| Package { name, version: None }),
        }
    }
}

/// The package with its version as numbers. `None` where these are none that a crate has.
fn with_version(package: highwater_names::package::Package<'_>) -> Option<Package<'_>> {
    let number = |at| package.version?.split('.').nth(at)?.parse().ok();
    let version = match package.version {
        Some(_) => Some(Version { major: number(0)?, minor: number(1)? }),
        None => None,
    };
    Some(Package { name: package.name, version })
}

/// The executor whose own sources, in no directory of cargo's, a file is of.
fn executor_beside(file: &str) -> Option<&str> {
    let mut directory = None;
    let mut found = None;
    for part in file.split(['/', '\\']) {
        if part == "src" {
            found = directory.filter(|it| EXECUTORS.contains(it)).or(found);
        }
        directory = Some(part);
    }
    found
}

/// Index of the first call outside of the allocator: after the calls of the allocator, of the compiler and
/// of the standard library.
pub(crate) fn behind_allocator(calls: &[Call<'_>]) -> Option<usize> {
    let is_end = |it: &Call<'_>| it.is_standard() || it.is_of_compiler() || it.is_of_executors();
    // Without optimization, standard library calls are between the recorder's own calls.
    let first = calls.iter().take(MOST_CALLS_OF_ALLOCATORS).rposition(Call::is_of_recorder);
    let first = first.map_or(0, |it| it + 1);
    let behind = calls[first..].iter().take(MOST_CALLS_OF_ALLOCATORS);
    // The program's own allocator may have called the C library, and the block was recorded there.
    let begin = first
        + behind.clone().rposition(Call::is_of_allocator).or_else(|| behind.clone().position(is_end))?;
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
    fn packages_are_told_by_their_directories() {
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
            call("highwater_recorder::exact::find", "/home/me/crates/highwater-recorder/src/exact.rs"),
            call("core::option::Option<T>::and_then", "/rustc/0123/library/core/src/option.rs"),
            call("highwater_recorder::alloc::record", "/home/me/crates/highwater-recorder/src/alloc.rs"),
        ];
        assert_eq!(behind_allocator(&[&recorder[..], &stack].concat()), Some(7));
        let in_front_of_malloc = [
            call("highwater_ledger::blocks::add", "/home/me/crates/highwater-ledger/src/blocks.rs"),
            call("highwater_hooks::malloc::malloc_for", "/home/me/crates/highwater-hooks/src/malloc.rs"),
            call("alloc", "/rustc/0123/library/std/src/sys/alloc/unix.rs"),
        ];
        assert_eq!(behind_allocator(&[&in_front_of_malloc[..], &stack].concat()), Some(7));
        assert_eq!(behind_allocator(&[&in_front_of_malloc[..], &stack[2..]].concat()), Some(5));
    }
}
