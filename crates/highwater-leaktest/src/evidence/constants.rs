//! What the constants of this program say: which crates it has, and in which versions. Panics name the source
//! files of their crates.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use highwater_tasks::Version;

use super::learnt;

/// The smallest alignment of blocks that are written down for every test. Runtimes of tasks keep what belongs
/// to one task in a cache line of its own; little else is aligned as strictly, so that taking down its stack
/// costs other tests nothing.
pub(crate) const WIDE: usize =
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { 128 } else { 64 };

/// The first minor version of tokio's major version 1 whose cells are known to have cache lines of their own.
const WIDE_TOKIO: u32 = 40;

/// Whether a program with these constants may run tasks whose cells are aligned like any other block: the
/// executors' sources are named in the messages of their panics.
///
/// This crate has constants, too. So no name that is looked for is written in one piece here.
fn has_narrow_cells(constants: &[u8]) -> bool {
    let sources = |krate: [&str; 2]| Sources { constants, before: krate.concat().into_bytes(), from: 0 };
    let has_async_task = sources(["/async", "-task"]).any(|version| version.is_some());
    let has_tokio = sources(["/tok", "io"])
        .any(|version| version.is_some_and(|it| it.numbers.is_none_or(|it| it.0 != 1 || it.1 < WIDE_TOKIO)));
    has_async_task || has_unordered(constants) || has_tokio
}

/// Whether it may have a `FuturesUnordered`.
fn has_unordered(constants: &[u8]) -> bool {
    let mut sources = Sources { constants, before: ["/futures", "-util"].concat().into_bytes(), from: 0 };
    sources.any(|version| version.is_some_and(|it| it.path.starts_with(b"stream/futures_unordered/")))
}

/// What the constants of this program tell.
#[derive(Clone, Copy, Default)]
struct Constants {
    /// Whether the cells of tasks may be aligned like any other block.
    are_narrow: bool,
    /// Whether there may be a `FuturesUnordered`.
    has_unordered: bool,
    /// Whether libtest is linked in.
    has_libtest: bool,
}

fn constants_here() -> Constants {
    static HERE: LazyLock<Constants> = LazyLock::new(|| {
        let [are_narrow, has_unordered, has_libtest] = learnt::constants(|| {
            let mut found = [false; 3];
            highwater_hooks::visit_constants(|bytes| {
                found[0] |= has_narrow_cells(bytes);
                found[1] |= has_unordered(bytes);
                found[2] |= highwater_hooks::find(bytes, &LIBTEST.concat()).is_some();
            });
            found
        });
        Constants { are_narrow, has_unordered, has_libtest }
    });
    *HERE
}

/// How the messages of libtest's panics name its sources, in two pieces for the same reason.
const LIBTEST: [&[u8]; 2] = [b"/library/te", b"st/src/"];

/// Whether libtest may run this program.
pub(crate) fn has_libtest() -> bool {
    constants_here().has_libtest
}

/// Whether this program may have a `FuturesUnordered`.
pub(crate) fn has_unordered_here() -> bool {
    constants_here().has_unordered
}

/// A source file of a crate, as it is named in the constants of a program.
struct Source<'a> {
    /// Major and minor version; `None` for a vendored crate, whose directory does not tell.
    numbers: Option<(u32, u32)>,
    /// What follows `src/`.
    path: &'a [u8],
}

/// The places where a crate's directory may be named; `None` where it is something else that begins so.
struct Sources<'a> {
    constants: &'a [u8],
    before: Vec<u8>,
    from: usize,
}

impl<'a> Iterator for Sources<'a> {
    type Item = Option<Source<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.constants.get(self.from..)?;
        let behind = highwater_hooks::find(rest, &self.before)? + self.before.len();
        self.from += behind;
        Some(source(&rest[behind..]))
    }
}

/// Reads what follows the name of a crate: `-1.2.3/src/…` or `/src/…`.
fn source(behind: &[u8]) -> Option<Source<'_>> {
    /// No version is longer.
    const LONGEST: usize = 40;
    let end = behind.iter().take(LONGEST).position(|it| *it == b'/')?;
    let (version, rest) = behind.split_at(end);
    let path = rest.strip_prefix(b"/src/")?;
    if version.is_empty() {
        return Some(Source { numbers: None, path });
    }
    let version = version.strip_prefix(b"-")?;
    let mut numbers = version.split(|it| *it == b'.').map(|it| str::from_utf8(it).ok()?.parse::<u32>().ok());
    // Otherwise it is another crate, whose name begins so.
    let major = numbers.next()??;
    Some(Source { numbers: Some((major, numbers.next().flatten().unwrap_or(0))), path })
}

/// The versions of a package whose sources are named in these constants; `None` for one whose directory does
/// not tell.
fn versions(constants: &[u8], package: &str) -> BTreeSet<Option<(u32, u32)>> {
    let before = [b"/", package.as_bytes()].concat();
    let sources = Sources { constants, before, from: 0 };
    sources.flatten().map(|it| it.numbers).collect()
}

/// The versions of a package whose sources this program names.
fn versions_here(package: &str) -> BTreeSet<Option<(u32, u32)>> {
    let mut all = BTreeSet::new();
    highwater_hooks::visit_constants(|bytes| all.append(&mut versions(bytes, package)));
    all
}

/// The version of a package in this program, for functions without debug information. `None` where there are
/// several or none.
pub(crate) fn version_of(package: &str) -> Option<Version> {
    let all = versions_here(package);
    let (Some(Some((major, minor))), 1) = (all.first().copied(), all.len()) else { return None };
    Some(Version { major, minor })
}

/// Whether this program has sources of a package with a version, as those from a registry have. `krate` is
/// the name in paths.
pub(crate) fn is_of_registry(krate: &str) -> bool {
    [krate.to_owned(), krate.replace('_', "-")].iter().any(|it| versions_here(it).iter().any(Option::is_some))
}

/// From which alignment on blocks may be tasks in this program.
pub(crate) fn least_align_of_tasks() -> usize {
    if constants_here().are_narrow { 1 } else { WIDE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_by_constants() {
        let of = |constants: &str| versions(constants.as_bytes(), "tokio").into_iter().collect::<Vec<_>>();
        assert_eq!(of("x/tokio-1.54.1/src/a.rs x/tokio-1.54.1/src/b.rs"), [Some((1, 54))]);
        assert_eq!(of("x/tokio-1.54.1/src/a.rs x/tokio-1.8.0/src/b.rs x/tokio/src/c.rs").len(), 3);
        assert_eq!(of("x/tokio-util-0.7.1/src/lib.rs"), []);
    }

    #[test]
    fn programs_with_narrow_cells_are_told_by_their_constants() {
        for (constants, expected) in [
            ("x/tokio-1.54.1/src/task/spawn.rs", false),
            ("x/tokio-1.8.0/src/task/spawn.rs", true),
            ("x/tokio-1.54.1/src/a.rs y/tokio-1.8.0/src/task/spawn.rs", true),
            ("x/tokio-2.0.0/src/task/spawn.rs", true),
            ("vendor/tokio/src/task/spawn.rs", true),
            ("x/tokio-util-0.7.1/src/lib.rs", false),
            ("x/tokio-", false),
            ("x/async-task-4.7.1/src/raw.rs", true),
            ("x/async-task", false),
            ("x/futures-util-0.3.34/src/stream/futures_unordered/mod.rs", true),
            ("x/futures-util-0.3.34/src/stream/mod.rs", false),
            ("x/src/stream/futures_unordered/mod.rs", false),
            ("", false),
        ] {
            assert_eq!(has_narrow_cells(constants.as_bytes()), expected, "{constants}");
        }
    }
}
