//! The names of functions in one spelling ([`plain`](mod@crate::plain)), with their paths also where debug
//! information leaves those out: with line tables only, a function of a crate, and one of the standard
//! library that was inlined, is called by its last name alone.

use std::borrow::Cow;

use crate::own;
use crate::package::Package;
use crate::plain::plain;
use crate::source::{Origin, source};

/// The function's name, in the spelling that all manglings have in common, with the path of the module that
/// its file stands for, if it has no path itself and its file is known to be one of another crate. The
/// project's own functions stay as they are: its directories need not be called as its crates.
pub fn qualified(function: &str, file: Option<&str>) -> String {
    let is_known =
        |it: &&str| matches!(source(it), Origin::Toolchain(_) | Origin::Fetched(_)) || is_of_harness(it);
    let function = plain(function);
    file.filter(is_known).and_then(|it| by_place(&function, it)).unwrap_or(function)
}

/// What a function without a path is called if its crate has the name of the directory that the crate is in.
/// `None` for one with a path.
pub fn by_place(function: &str, file: &str) -> Option<String> {
    let path = function.split('<').next().unwrap_or("");
    let is_bare = !function.starts_with('<') && !path.contains("::");
    is_bare.then(|| module(file).map(|module| format!("{module}::{function}"))).flatten()
}

/// The crate that a function is of: by the directory of its file, and without one by its path.
pub fn crate_of<'a>(function: &'a str, file: Option<&'a str>) -> &'a str {
    let of_file = file.and_then(directories).map(|(directory, _)| Package::of(directory).name);
    let of_path = || function.trim_start_matches(['<', '&']).split("::").next();
    of_file.or_else(of_path).unwrap_or(function)
}

/// Whether a file is of the leak harness.
fn is_of_harness(file: &str) -> bool {
    directories(file).is_some_and(|(directory, _)| own::is_harness(Package::of(directory).name))
}

/// `crate::module` of a file `…/crate-1.2.3/src/module.rs`.
fn module(file: &str) -> Option<String> {
    let (directory, rest) = directories(file)?;
    let package = source(file).package().unwrap_or_else(|| Package::of(directory));
    let mut parts = vec![package.crate_name()];
    parts.extend(rest.strip_suffix(".rs")?.split('/').map(Cow::Borrowed));
    if parts.last().is_some_and(|it| ["lib", "main", "mod"].contains(&it.as_ref())) {
        parts.pop();
    }
    Some(parts.join("::"))
}

/// The directory in front of the last `src`, and what is behind.
fn directories(file: &str) -> Option<(&str, &str)> {
    let (before, rest) = file.rsplit_once("/src/")?;
    Some((before.rsplit('/').next()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_path_gets_that_of_its_file() {
        const REGISTRY: &str = "/home/me/.cargo/registry/src/index-1949";
        for (function, file, expected) in [
            (
                "global_registry",
                "R/rayon-core-1.13.0/src/registry.rs",
                "rayon_core::registry::global_registry",
            ),
            ("spawn<fn(a::B)>", "R/pool-0.1.0-beta.1/src/lib.rs", "pool::spawn"),
            ("<a::B<u8>>::c::<u8>", "R/pool-0.1.0/src/lib.rs", "a::B::c"),
            ("{closure#0}<u8>", "R/pool-0.1.0/src/lib.rs", "pool::{{closure}}"),
            ("digest", "R/md-5-0.10.6/src/lib.rs", "md_5::digest"),
            ("a::B::c", "R/pool-0.1.0/src/lib.rs", "a::B::c"),
            ("<a::B as C>::d", "R/pool-0.1.0/src/lib.rs", "<a::B as C>::d"),
            ("call", "/rustc/0123/library/std/src/sync/once.rs", "std::sync::once::call"),
            ("sleep", "/home/me/lib/rustlib/src/rust/library/std/src/thread/mod.rs", "std::thread::sleep"),
            ("start<()>", "/x/crates/highwater-hooks/src/create.rs", "highwater_hooks::create::start"),
            ("start<()>", "R/highwater-hooks-0.1.0/src/create.rs", "highwater_hooks::create::start"),
            ("work", "/home/me/pool/src/lib.rs", "work"),
            ("work", "/home/me/git/checkouts/pool-0a1b/77c/src/a.rs", "pool::a::work"),
            ("work", "R/pool-1.0.0/pool.c", "work"),
        ] {
            let file = file.replacen('R', REGISTRY, usize::from(file.starts_with('R')));
            assert_eq!(qualified(function, Some(&file)), expected, "{function} {file}");
        }
        assert_eq!(qualified("work", None), "work");
        let own = "/home/me/vendor/blocking/src/lib.rs";
        assert_eq!(by_place("grow_pool", own).as_deref(), Some("blocking::grow_pool"));
        assert_eq!(by_place("mine::grow_pool", own), None);
    }

    #[test]
    fn the_harness_knows_its_own_files() {
        assert!(is_of_harness("/x/crates/highwater-leaktest/src/around.rs"));
        assert!(is_of_harness("/x/registry/src/y/highwater-hooks-1.0.0/src/create.rs"));
        assert!(!is_of_harness("/x/my-highwater-hooks/src/create.rs"));
        assert!(!is_of_harness("/x/highwater-leaktest-corpus/src/create.rs"));
    }
}
