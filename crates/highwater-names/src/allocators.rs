//! The names that allocators' functions have.
//!
//! A recorder inside of an allocator writes down its own frames as well. Where the program was built without
//! debug information or with link-time optimization nothing but these names tells them from the program's.

use crate::function::{Owner, owner};

/// What programs call for memory, and the functions of C libraries behind it. Sorted.
const ENTRIES: [&str; 61] = [
    "HeapAlloc",
    "HeapReAlloc",
    "RtlAllocateHeap",
    "RtlReAllocateHeap",
    "__GI___libc_malloc",
    "__GI___libc_realloc",
    "__libc_calloc",
    "__libc_malloc",
    "__libc_malloc_impl",
    "__libc_memalign",
    "__libc_pvalloc",
    "__libc_realloc",
    "__libc_reallocarray",
    "__libc_valloc",
    "__posix_memalign",
    "_aligned_malloc",
    "_aligned_realloc",
    "_calloc_base",
    "_int_malloc",
    "_int_memalign",
    "_int_realloc",
    "_malloc_base",
    "_mid_memalign",
    "_realloc_base",
    "aligned_alloc",
    "calloc",
    "cpp_alloc",
    "do_malloc",
    "do_memalign",
    "do_realloc",
    "je_calloc",
    "je_malloc",
    "je_mallocx",
    "je_rallocx",
    "je_realloc",
    "malloc",
    "malloc_hook_ini",
    "malloc_type_calloc",
    "malloc_type_malloc",
    "malloc_type_realloc",
    "malloc_zone_calloc",
    "malloc_zone_malloc",
    "malloc_zone_memalign",
    "malloc_zone_realloc",
    "mallocx",
    "memalign",
    "nallocx",
    "operator new",
    "operator new[]",
    "posix_memalign",
    "ptmalloc_init",
    "pvalloc",
    "rallocx",
    "realloc",
    "realloc_hook_ini",
    "reallocarray",
    "sdallocx",
    "sysmalloc",
    "tcache_init",
    "valloc",
    "xallocx",
];

/// Beginnings of the names of such functions; a part of the name says that they allocate.
const ENTRY_PREFIXES: [&str; 9] =
    ["_rjem_", "je_", "jemalloc_", "_mi_", "mi_", "rpmalloc", "rprealloc", "sn_", "tc_"];
/// What stands in front of the name of a function of the C library where a sanitizer of gcc or clang takes
/// its place.
const INTERCEPTOR_PREFIXES: [&str; 2] = ["___interceptor_", "__interceptor_"];
/// `operator new` as linkers spell it.
const OPERATOR_NEW: [&str; 2] = ["_Znw", "_Zna"];

/// Beginnings of names that only functions inside of allocators have.
const SHIM_PREFIXES: [&str; 12] = [
    "TCMalloc",
    "_mi_",
    "_rjem_",
    "imalloc",
    "jemalloc_",
    "prof_alloc_prep",
    "prof_backtrace",
    "prof_lookup",
    "prof_malloc_sample",
    "prof_sample_",
    "prof_tctx_",
    "prof_unwind_",
];

/// Beginnings of names inside of jemalloc that other programs use, too.
const INNER_PREFIXES: [&str; 20] = [
    "arena_",
    "base_",
    "bin_",
    "cache_bin_",
    "calloc_",
    "do_rallocx",
    "edata_",
    "emap_",
    "extent_",
    "ialloc",
    "ipalloc",
    "iralloc",
    "je_",
    "large_",
    "malloc_",
    "mi_",
    "pa_",
    "prof_",
    "tcache_",
    "tsd_",
];

/// Crates that are allocators, ways to one, or walk stacks for them. Sorted.
const CRATES: [&str; 19] = [
    "backtrace",
    "dhat",
    "dlmalloc",
    "jemalloc_pprof",
    "jemalloc_sys",
    "jemallocator",
    "libmimalloc_sys",
    "mimalloc",
    "mimalloc_pprof",
    "rpmalloc",
    "rpmalloc_sys",
    "snmalloc_rs",
    "snmalloc_sys",
    "stats_alloc",
    "tcmalloc",
    "tcmalloc_better",
    "tikv_jemalloc_sys",
    "tikv_jemallocator",
    "wee_alloc",
];

/// The symbols between compiled Rust code and its allocator.
const COMPILER_PREFIXES: [&str; 6] =
    ["__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rust_no_alloc", "__rg_", "__rdl_"];

/// Whether a function with this own name (without path and arguments) is one that the compiler puts between a
/// program and its allocator.
pub fn is_of_compiler(own_name: &str) -> bool {
    COMPILER_PREFIXES.iter().any(|it| own_name.starts_with(it))
}

/// Whether all that the function calls belongs to the allocation.
pub fn is_entry(function: &str, file: Option<&str>) -> bool {
    let Some(plain) = plain(function) else { return false };
    // A language of its own has allocators of its own, and these names for anything.
    let is_script = |it: &str| [".py", ".js", ".ts", ".go", ".java"].iter().any(|end| it.ends_with(end));
    if file.is_some_and(is_script) {
        return false;
    }
    // Sanitizers stand in front of the C library's functions, by these names.
    let plain = INTERCEPTOR_PREFIXES.iter().find_map(|it| plain.strip_prefix(it)).unwrap_or(plain);
    ENTRIES.binary_search(&plain).is_ok()
        || OPERATOR_NEW.iter().any(|it| plain.starts_with(it))
        || ENTRY_PREFIXES.iter().any(|it| plain.starts_with(it))
            && plain.contains("alloc")
            && !plain.contains("prof")
}

/// Whether the function is one inside of an allocator.
pub fn is_shim(function: &str) -> bool {
    plain(function).is_some_and(|it| SHIM_PREFIXES.iter().any(|prefix| it.starts_with(prefix)))
}

/// Whether the function may be one inside of an allocator.
pub fn is_inner(function: &str) -> bool {
    plain(function).is_some_and(|it| INNER_PREFIXES.iter().any(|prefix| it.starts_with(prefix)))
}

/// Whether the crate is an allocator's.
pub fn is_crate(name: &str) -> bool {
    CRATES.binary_search(&name).is_ok()
}

/// A name of C, or of C++ outside of any namespace, without arguments, versions and what compilers append to
/// parts of functions (`.isra.0`, `.part.1`); `None` for other names.
fn plain(function: &str) -> Option<&str> {
    if owner(function) != Owner::Bare {
        return None;
    }
    let function = function.strip_prefix("(anonymous namespace)::").unwrap_or(function);
    let plain = function.split(['(', '.', '@']).next()?;
    Some(plain).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_allocators_are_known_in_every_spelling() {
        for entry in [
            "malloc",
            "malloc@@GLIBC_2.2.5",
            "calloc@plt",
            "operator new(unsigned long, std::align_val_t)",
            "_Znwm",
            "_rjem_malloc",
            "_rjem_je_malloc_default",
            "_rjem_mallocx",
            "mi_malloc_aligned",
            "tc_newarray_alloc",
            "(anonymous namespace)::do_malloc(unsigned long)",
        ] {
            assert!(is_entry(entry, None), "{entry}");
        }
        for shim in [
            "prof_backtrace_impl",
            "prof_backtrace_impl.isra.0",
            "_rjem_je_prof_backtrace",
            "_rjem_je_prof_tctx_create",
            "prof_alloc_prep",
            "imalloc_body.constprop.0",
            "_mi_heap_realloc_zero",
        ] {
            assert!(is_shim(shim), "{shim}");
        }
        for own in ["allocate", "profile_load", "demo::malloc", "mix", "prof"] {
            assert!(!is_entry(own, None) && !is_shim(own), "{own}");
        }
        assert!(!is_entry("malloc", Some("tool/memory.py")));
        assert!(is_inner("arena_malloc_hard") && !is_shim("arena_malloc_hard"));
        assert!(is_of_compiler("__rust_alloc_zeroed") && is_of_compiler("__rg_realloc"));
        assert!(!is_of_compiler("__rust_begin_short_backtrace"));
        assert!(is_crate("tikv_jemallocator") && !is_crate("demo"));
    }

    #[test]
    fn searched_lists_are_sorted() {
        assert!(ENTRIES.is_sorted() && CRATES.is_sorted());
    }
}
