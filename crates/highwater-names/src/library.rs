//! What the file name of a program or shared library says about the code in it.

use crate::source;

/// What is in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An allocator, and nothing else.
    Allocator,
    /// The C library, the loader and what compilers need.
    System,
    /// Anything else: the program, or a library of its own.
    Program,
}

const ALLOCATORS: [&str; 6] =
    ["libjemalloc", "libmimalloc", "librpmalloc", "libsnmalloc", "libtcmalloc", "libtbbmalloc"];

/// Names up to the version.
const SYSTEM: [&str; 22] = [
    "dyld",
    "ld",
    "ld-linux",
    "ld-linux-x86-64",
    "ld-linux-aarch64",
    "ld-linux-armhf",
    "ld-musl-x86_64",
    "ld-musl-aarch64",
    "libSystem",
    "libc",
    "libc++",
    "libc++abi",
    "libdl",
    "libgcc_s",
    "libm",
    "libpthread",
    "libresolv",
    "librt",
    "libstdc++",
    "libunwind",
    "ntdll",
    "ucrtbase",
];

/// Whether the module at `path` belongs to the system and not to any program. That such a library is stripped
/// is usual.
pub fn is_system_library(path: &str) -> bool {
    kind(path) == Some(ModuleKind::System)
}

/// What is in the module at `path`; `None` where no file is behind it.
pub fn kind(path: &str) -> Option<ModuleKind> {
    let name = source::file_name(path);
    if path.starts_with(['['])
        || path.starts_with("//")
        || path.starts_with("/memfd:")
        || path.starts_with("anon_inode:")
    {
        return None;
    }
    if ALLOCATORS.iter().any(|it| name.starts_with(it)) {
        return Some(ModuleKind::Allocator);
    }
    // `libc.so.6`, and `libc-2.31.so` of older systems.
    let stem = name.find(".so").or_else(|| name.find(".dylib")).or_else(|| name.find(".dll"));
    let is_system = stem.is_some_and(|end| {
        let stem = &name[..end];
        let unversioned = stem.rsplit_once("-2.").map_or(stem, |it| it.0);
        SYSTEM.contains(&unversioned)
            || stem.starts_with("libstd-")
            || stem.starts_with("libsystem_")
            || stem.starts_with("libc.musl")
            || stem.starts_with("libnss_")
    });
    Some(if is_system { ModuleKind::System } else { ModuleKind::Program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_the_system_are_known_by_their_names() {
        use ModuleKind::{Allocator, Program, System};
        for (path, expected) in [
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", Some(System)),
            ("/lib/x86_64-linux-gnu/libc-2.31.so", Some(System)),
            ("/lib64/ld-linux-x86-64.so.2", Some(System)),
            ("/lib/ld-musl-x86_64.so.1", Some(System)),
            ("/usr/lib/libstdc++.so.6.0.30", Some(System)),
            ("/root/.rustup/toolchains/x/lib/libstd-1a2b3c.so", Some(System)),
            ("/usr/lib/libjemalloc.so.2", Some(Allocator)),
            ("/usr/lib/libtcmalloc_minimal.so.4", Some(Allocator)),
            ("/usr/lib/libcurl.so.4", Some(Program)),
            ("/opt/app/bin/libc", Some(Program)),
            ("/usr/bin/demo", Some(Program)),
            ("", Some(Program)),
            ("[vdso]", None),
            ("//anon", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
