//! Which frame of a stack a value is put down to: the innermost one whose code the reader can change.
//!
//! From the leaf outwards a stack of the heap has the recorder, the allocator's entry points, the standard library
//! with the collections it is built on, and only then the line that decided to allocate. The function's name and the path
//! of its source file are both asked, because either alone is wrong for some: the name for code that is generic
//! over its own type, the path for macros and for dependencies that are built from a workspace.

use highwater_names::allocators;
use highwater_names::function::{self, Owner};
use highwater_names::library::ModuleKind;
use highwater_names::own;
use highwater_names::source::{self, Origin};

use crate::frames::class::FrameClass;
use crate::frames::symbols::TextId;

/// A function's crate, as far as it can be told, and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribution {
    pub crate_name: Option<String>,
    pub class: FrameClass,
}

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
pub(crate) fn judge(function: Option<&str>, file: Option<&str>) -> Attribution {
    if function.is_none() && file.is_none() {
        return Attribution { crate_name: None, class: FrameClass::Nameless };
    }
    let function = function.unwrap_or_default();
    let origin = file.map_or(Origin::Elsewhere, source::source);
    let crate_name = crate_name(function::owner(function), origin);
    let class = if is_entry(function) || is_request(function, file) || allocators::is_entry(function, file) {
        FrameClass::Entry
    } else {
        match crate_name.as_deref() {
            Some(name) if own::is_recorder_or_facade(name) => FrameClass::Recorder,
            _ if is_global_alloc(function) => FrameClass::Entry,
            _ if is_shim(function, file) => FrameClass::Shim,
            Some(name) if allocators::is_crate(name) => FrameClass::Shim,
            Some(name) if is_plumbing(name, origin) => FrameClass::Plumbing,
            _ if allocators::is_inner(function) => FrameClass::Inner,
            None if is_starter(function, file) => FrameClass::Plumbing,
            _ => FrameClass::Own,
        }
    };
    Attribution { crate_name, class }
}

impl Attribution {
    /// Supplies the crate of a function that is known by a bare name only, once other functions of its file have
    /// told which one it is.
    pub fn adopt(&mut self, crate_name: &str) {
        self.crate_name = Some(crate_name.to_owned());
        if self.class == FrameClass::Own && own::is_recorder_or_facade(crate_name) {
            self.class = FrameClass::Recorder;
        } else if self.class == FrameClass::Own && is_plumbing(crate_name, Origin::Elsewhere) {
            self.class = FrameClass::Plumbing;
        }
    }
}

fn crate_name(owner: Owner<'_>, origin: Origin<'_>) -> Option<String> {
    if let Owner::Path(name) = owner {
        return Some(name.to_owned());
    }
    if let Some(package) = origin.package() {
        return Some(package.crate_name().into_owned());
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

fn is_plumbing(crate_name: &str, origin: Origin<'_>) -> bool {
    PLUMBING.binary_search(&crate_name).is_ok()
        || crate_name.starts_with("rustc_std_workspace_")
        || matches!(origin, Origin::Toolchain(package) if package.crate_name() == crate_name)
}

fn is_entry(function: &str) -> bool {
    allocators::is_of_compiler(function::own_name(function))
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
    match function::owner(function) {
        Owner::Bare => file.is_some_and(|it| source::short(it).starts_with("library/alloc/src/alloc.rs")),
        _ => function::item_path(function).starts_with("alloc::alloc::"),
    }
}

fn is_shim(function: &str, file: Option<&str>) -> bool {
    if function::owner(function) == Owner::Bare {
        let file = file.map_or("", source::short);
        return allocators::is_shim(function) || SHIM_FILES.iter().any(|it| file.starts_with(it));
    }
    let path = function::item_path(function);
    SHIM_MODULES.iter().any(|it| path.starts_with(it))
}

/// Number of frames at the leaf end that belong to the allocation itself: the recorder and the allocator.
///
/// `classes` is a stack, leaf first.
pub(crate) fn allocator_frames(classes: impl Iterator<Item = FrameClass> + Clone) -> usize {
    // Whatever an entry point called is the allocator, under whatever name.
    let entry = classes.clone().position(|it| it == FrameClass::Entry);
    let mut end = entry.map_or(0, |at| at + 1);
    for (at, class) in classes.enumerate().skip(end) {
        match class {
            FrameClass::Recorder | FrameClass::Entry | FrameClass::Shim => end = at + 1,
            FrameClass::Inner if entry.is_none() && at > 0 && at == end => end = at + 1,
            FrameClass::Plumbing => {}
            FrameClass::Nameless | FrameClass::Own | FrameClass::Inner => break,
        }
    }
    end
}

/// What a function is that has this class by its name, in a module. `crate_name` is known for code of Rust only.
pub(crate) fn in_module(
    class: FrameClass,
    crate_name: Option<TextId>,
    module: Option<ModuleKind>,
) -> FrameClass {
    match (class, module) {
        (FrameClass::Own | FrameClass::Inner | FrameClass::Nameless, Some(ModuleKind::Allocator))
            if crate_name.is_none() =>
        {
            FrameClass::Shim
        }
        (FrameClass::Own | FrameClass::Inner | FrameClass::Nameless, Some(ModuleKind::System))
            if crate_name.is_none() =>
        {
            FrameClass::Plumbing
        }
        // Code of the program that has lost its name is the program's all the same.
        (FrameClass::Nameless, Some(ModuleKind::Program)) => FrameClass::Own,
        (class, _) => class,
    }
}

#[cfg(test)]
#[path = "attribution_tests.rs"]
mod tests;
