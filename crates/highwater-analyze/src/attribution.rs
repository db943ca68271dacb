//! Which frame of a stack a value is put down to: the innermost one whose code the reader can change.
//!
//! From the leaf outwards a stack of the heap has the recorder, the allocator's entry points, the standard library
//! with the collections it is built on, and only then the line that decided to allocate. The function's name and the path
//! of its source file are both asked, because either alone is wrong for some: the name for code that is generic
//! over its own type, the path for macros and for dependencies that are built from a workspace.

use crate::name::{self, Owner};
use crate::source::{self, Source};

/// What a function is to somebody who looks for the cause of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The profiler's own code. Never of interest.
    Recorder,
    /// Where compiled Rust code enters the allocator: this frame and all it called belong to the allocation.
    Entry,
    /// Part of the allocator, or of walking the stack. Not of interest at the leaf end.
    Shim,
    /// Library code, or the code that starts a program or thread: what it does, its caller asked for.
    Plumbing,
    /// Neither its name nor its source is known.
    Nameless,
    /// All other code.
    Own,
}

/// A function's crate, as far as it can be told, and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub crate_name: Option<String>,
    pub class: Class,
}

const RECORDER: [&str; 2] = ["highwater", "highwater_runtime"];

/// Crates of the toolchain, and the collections and buffers that others are built from. Sorted.
const PLUMBING: [&str; 19] = [
    "__rustc",
    "alloc",
    "allocator_api2",
    "arrayvec",
    "bytes",
    "compiler_builtins",
    "core",
    "hashbrown",
    "indexmap",
    "panic_abort",
    "panic_unwind",
    "proc_macro",
    "smallvec",
    "std",
    "std_detect",
    "test",
    "tinyvec",
    "unwind",
    "windows_targets",
];

/// The symbols between compiled Rust code and its allocator.
const ENTRY_PREFIXES: [&str; 6] =
    ["__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rust_no_alloc", "__rg_", "__rdl_"];

/// Modules of the standard library that only hand a request on to the allocator.
const SHIM_MODULES: [&str; 3] = ["core::alloc::", "std::alloc::", "std::sys::alloc::"];
const SHIM_FILES: [&str; 2] = ["library/std/src/alloc.rs", "library/std/src/sys/alloc/"];

/// Functions of C allocators. Sorted.
const MALLOC: [&str; 20] = [
    "__libc_calloc",
    "__libc_malloc",
    "__libc_memalign",
    "__libc_realloc",
    "_int_malloc",
    "_int_memalign",
    "_int_realloc",
    "aligned_alloc",
    "calloc",
    "malloc",
    "memalign",
    "operator new",
    "operator new[]",
    "posix_memalign",
    "pvalloc",
    "realloc",
    "reallocarray",
    "sysmalloc",
    "tcache_init",
    "valloc",
];
const MALLOC_PREFIXES: [&str; 5] = ["_rjem_", "je_", "mi_", "rpmalloc", "tc_"];

/// Functions without source that call `main` or a thread's function. Sorted.
const STARTERS: [&str; 14] = [
    "BaseThreadInitThunk",
    "RtlUserThreadStart",
    "__clone",
    "__clone3",
    "__libc_start_call_main",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__scrt_common_main_seh",
    "_pthread_start",
    "_start",
    "clone3",
    "main",
    "start_thread",
    "thread_start",
];

/// Judges a function by its name (without hash) and the path of its source file.
pub(crate) fn judge(function: Option<&str>, file: Option<&str>) -> Verdict {
    if function.is_none() && file.is_none() {
        return Verdict { crate_name: None, class: Class::Nameless };
    }
    let function = function.unwrap_or_default();
    let origin = file.map_or(Source::Elsewhere, source::source);
    let crate_name = crate_name(name::owner(function), &origin);
    let class = if is_entry(function) || is_request(function, file) {
        Class::Entry
    } else {
        match crate_name.as_deref() {
            Some(name) if RECORDER.contains(&name) => Class::Recorder,
            _ if is_shim(function, file) || crate_name.as_deref() == Some("backtrace") => Class::Shim,
            Some(name) if is_plumbing(name, &origin) => Class::Plumbing,
            None if file.is_none() && STARTERS.binary_search(&function).is_ok() => Class::Plumbing,
            _ => Class::Own,
        }
    };
    Verdict { crate_name, class }
}

impl Verdict {
    /// Supplies the crate of a function that is known by a bare name only, once other functions of its file have
    /// told which one it is.
    pub fn adopt(&mut self, crate_name: &str) {
        self.crate_name = Some(crate_name.to_owned());
        if self.class == Class::Own && RECORDER.contains(&crate_name) {
            self.class = Class::Recorder;
        } else if self.class == Class::Own && is_plumbing(crate_name, &Source::Elsewhere) {
            self.class = Class::Plumbing;
        }
    }
}

fn crate_name(owner: Owner<'_>, origin: &Source) -> Option<String> {
    if let Owner::Path(name) = owner {
        return Some(name.to_owned());
    }
    if let Source::Toolchain(name) | Source::Package(name) = origin {
        return Some(name.clone());
    }
    let Owner::Impl { of, implements } = owner else { return None };
    let foreign = |name: &str| PLUMBING.binary_search(&name).is_ok();
    let chosen = match (of, implements) {
        // An implementation stands in the crate of the type or of the trait, and the standard library knows no others.
        (Some(of), Some(implements)) if foreign(of) && !foreign(implements) => implements,
        (Some(of), _) => of,
        (None, Some(implements)) => implements,
        // Only the standard library has methods of primitive types.
        (None, None) => "core",
    };
    Some(chosen.to_owned())
}

fn is_plumbing(crate_name: &str, origin: &Source) -> bool {
    PLUMBING.binary_search(&crate_name).is_ok()
        || crate_name.starts_with("rustc_std_workspace_")
        || matches!(origin, Source::Toolchain(name) if name == crate_name)
}

fn is_entry(function: &str) -> bool {
    let last = name::last_segment(function);
    ENTRY_PREFIXES.iter().any(|it| last.starts_with(it))
}

/// The standard library's side of the entry points, for programs in which those are inlined and nameless.
fn is_request(function: &str, file: Option<&str>) -> bool {
    match name::owner(function) {
        Owner::Bare => file.is_some_and(|it| source::short(it).starts_with("library/alloc/src/alloc.rs")),
        _ => name::item_path(function).starts_with("alloc::alloc::"),
    }
}

fn is_shim(function: &str, file: Option<&str>) -> bool {
    if name::owner(function) == Owner::Bare {
        let file = file.map_or("", source::short);
        let plain = function.split('(').next().unwrap_or(function);
        return MALLOC.binary_search(&plain).is_ok()
            || MALLOC_PREFIXES.iter().any(|it| plain.starts_with(it)) && plain.contains("alloc")
            || SHIM_FILES.iter().any(|it| file.starts_with(it));
    }
    let path = name::item_path(function);
    SHIM_MODULES.iter().any(|it| path.starts_with(it))
}

/// Whether a function starts the program or a thread, and calls the program's.
pub(crate) fn is_starter(function: &str) -> bool {
    STARTERS.binary_search(&function).is_ok()
}

/// Number of frames at the leaf end that belong to the allocation itself: the recorder and the allocator.
///
/// `classes` is a stack, leaf first.
pub(crate) fn allocator_frames(classes: impl Iterator<Item = Class> + Clone) -> usize {
    // Whatever an entry point called is the allocator, under whatever name.
    let mut end = classes.clone().position(|it| it == Class::Entry).map_or(0, |at| at + 1);
    for (at, class) in classes.enumerate().skip(end) {
        match class {
            Class::Recorder | Class::Entry | Class::Shim => end = at + 1,
            Class::Plumbing => {}
            Class::Nameless | Class::Own => break,
        }
    }
    end
}

#[cfg(test)]
#[path = "attribution_tests.rs"]
mod tests;
