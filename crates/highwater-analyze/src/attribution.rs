//! Which frame of a stack a value is put down to: the innermost one whose code the reader can change.
//!
//! From the leaf outwards a stack of the heap has the recorder, the allocator's entry points, the standard library
//! with the collections it is built on, and only then the line that decided to allocate. The function's name and the path
//! of its source file are both asked, because either alone is wrong for some: the name for code that is generic
//! over its own type, the path for macros and for dependencies that are built from a workspace.

use crate::allocators;
use crate::module::ModuleKind;
use crate::name::{self, Owner};
use crate::source::{self, Source};
use crate::symbols::TextId;

/// What a function is to somebody who looks for the cause of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The profiler's own code. Never of interest.
    Recorder,
    /// Where compiled Rust code enters the allocator: this frame and all it called belong to the allocation.
    Entry,
    /// Part of the allocator, or of walking the stack. Not of interest at the leaf end.
    Shim,
    /// Bears a name that functions inside of an allocator have, and others may have too. Part of the allocator where a
    /// [`Shim`](Self::Shim) is called by it, and no entry point is on the stack; else as [`Own`](Self::Own).
    Inner,
    /// Library code, or the code that starts a program or thread: what it does, its caller asked for.
    Plumbing,
    /// Neither its name nor its source is known, nor the file it is in.
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

/// Crates of the recorder. `highwater_runtime` is the name that it had in older profiles.
const RECORDER: [&str; 5] =
    ["highwater", "highwater_lockfree", "highwater_recorder", "highwater_runtime", "highwater_unwind"];

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
    let class = if is_entry(function) || is_request(function, file) || allocators::is_entry(function, file) {
        Class::Entry
    } else {
        match crate_name.as_deref() {
            Some(name) if RECORDER.contains(&name) => Class::Recorder,
            _ if is_global_alloc(function) => Class::Entry,
            _ if is_shim(function, file) => Class::Shim,
            Some(name) if allocators::is_crate(name) => Class::Shim,
            Some(name) if is_plumbing(name, &origin) => Class::Plumbing,
            _ if allocators::is_inner(function) => Class::Inner,
            None if is_starter(function, file) => Class::Plumbing,
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

/// A method of the trait that every global allocator implements, whoever wrote it.
fn is_global_alloc(function: &str) -> bool {
    function.starts_with('<') && function.contains(" as core::alloc::global::GlobalAlloc>::")
}

/// What calls `main` or a thread's function. Some of these names may be a program's own, which then has the source.
fn is_starter(function: &str, file: Option<&str>) -> bool {
    STARTERS.binary_search(&function).is_ok()
        && (function.starts_with("__") || file.is_none_or(source::is_in_c_library))
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
        return allocators::is_shim(function) || SHIM_FILES.iter().any(|it| file.starts_with(it));
    }
    let path = name::item_path(function);
    SHIM_MODULES.iter().any(|it| path.starts_with(it))
}

/// Number of frames at the leaf end that belong to the allocation itself: the recorder and the allocator.
///
/// `classes` is a stack, leaf first.
pub(crate) fn allocator_frames(classes: impl Iterator<Item = Class> + Clone) -> usize {
    // Whatever an entry point called is the allocator, under whatever name.
    let entry = classes.clone().position(|it| it == Class::Entry);
    let mut end = entry.map_or(0, |at| at + 1);
    for (at, class) in classes.enumerate().skip(end) {
        match class {
            Class::Recorder | Class::Entry | Class::Shim => end = at + 1,
            Class::Inner if entry.is_none() && at > 0 && at == end => end = at + 1,
            Class::Plumbing => {}
            Class::Nameless | Class::Own | Class::Inner => break,
        }
    }
    end
}

/// What a function is that has this class by its name, in a module. `crate_name` is known for code of Rust only.
pub(crate) fn in_module(class: Class, crate_name: Option<TextId>, module: Option<ModuleKind>) -> Class {
    match (class, module) {
        (Class::Own | Class::Inner | Class::Nameless, Some(ModuleKind::Allocator))
            if crate_name.is_none() =>
        {
            Class::Shim
        }
        (Class::Own | Class::Inner | Class::Nameless, Some(ModuleKind::System)) if crate_name.is_none() => {
            Class::Plumbing
        }
        // Code of the program that has lost its name is the program's all the same.
        (Class::Nameless, Some(ModuleKind::Program)) => Class::Own,
        (class, _) => class,
    }
}

#[cfg(test)]
#[path = "attribution_tests.rs"]
mod tests;
