//! Names and paths as compilers write them, and what they are taken for.

use super::*;

const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library";
const REGISTRY: &str = "/home/u/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f";

#[test]
fn realistic_functions() {
    use FrameClass::{Entry, Inner, Nameless, Own, Plumbing, Recorder, Shim};
    let std = |path: &str| format!("{STD}/{path}");
    let registry = |path: &str| format!("{REGISTRY}/{path}");
    let own = "crates/highwater/examples/codeindex/index.rs".to_owned();
    let none = String::new;
    let cases = [
        ("alloc::raw_vec::RawVecInner<A>::finish_grow", std("alloc/src/raw_vec/mod.rs"), "alloc", Plumbing),
        (
            "<alloc::vec::Vec<T,A> as core::iter::traits::collect::FromIterator<T>>::from_iter",
            none(),
            "alloc",
            Plumbing,
        ),
        (
            "<alloc::vec::Vec<codeindex::Doc> as core::iter::traits::collect::FromIterator<codeindex::Doc>>::from_iter",
            std("alloc/src/vec/mod.rs"),
            "alloc",
            Plumbing,
        ),
        (
            "hashbrown::raw::RawTable<T,A>::reserve_rehash",
            "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs".into(),
            "hashbrown",
            Plumbing,
        ),
        (
            "hashbrown::raw::RawTable<T,A>::reserve_rehash",
            registry("hashbrown-0.15.2/src/raw/mod.rs"),
            "hashbrown",
            Plumbing,
        ),
        ("std::io::default_read_to_end", std("std/src/io/mod.rs"), "std", Plumbing),
        ("push<u8, alloc::alloc::Global>", std("alloc/src/vec/mod.rs"), "alloc", Plumbing),
        ("reserve<u8>", registry("bytes-1.10.0/src/bytes_mut.rs"), "bytes", Plumbing),
        (
            "gimli::read::abbrev::Abbreviations::insert",
            "/rust/deps/gimli-0.31.1/src/read/abbrev.rs".into(),
            "gimli",
            Plumbing,
        ),
        (
            "gimli::read::abbrev::Abbreviations::insert",
            registry("gimli-0.31.1/src/read/abbrev.rs"),
            "gimli",
            Own,
        ),
        ("<[u8]>::to_vec", none(), "core", Plumbing),
        ("<T as alloc::string::ToString>::to_string", none(), "alloc", Plumbing),
        (
            "<codeindex::Doc as alloc::string::ToString>::to_string",
            std("alloc/src/string.rs"),
            "alloc",
            Plumbing,
        ),
        ("<codeindex::Cache as core::fmt::Debug>::fmt", none(), "codeindex", Own),
        ("<codeindex::Cache as core::fmt::Debug>::fmt", own.clone(), "codeindex", Own),
        ("<alloc::vec::Vec<T> as codeindex::Total>::total", own.clone(), "codeindex", Own),
        ("<T as codeindex::Total>::total", own.clone(), "codeindex", Own),
        ("codeindex::index::Index::add::{{closure}}", own.clone(), "codeindex", Own),
        // A macro of the standard library, expanded in the program.
        ("codeindex::CACHE::__init", std("std/src/thread/local.rs"), "codeindex", Own),
        (
            "<flate2::gz::read::GzDecoder<R> as std::io::Read>::read",
            registry("flate2-1.1.0/src/gz/read.rs"),
            "flate2",
            Own,
        ),
        ("{closure#0}", own.clone(), "", Own),
        ("inflate", none(), "", Own),
        ("main", none(), "", Plumbing),
        ("main", "src/main.c".into(), "", Own),
        (
            "std::sys::backtrace::__rust_begin_short_backtrace",
            std("std/src/sys/backtrace.rs"),
            "std",
            Plumbing,
        ),
        ("__rustc::__rust_alloc", none(), "__rustc", Entry),
        ("__rust_alloc_zeroed", own.clone(), "", Entry),
        ("codeindex::_::__rg_realloc", own.clone(), "codeindex", Entry),
        ("__rdl_alloc", none(), "", Entry),
        (
            "<highwater::Alloc<A> as core::alloc::global::GlobalAlloc>::alloc",
            "crates/highwater/src/alloc.rs".into(),
            "highwater",
            Recorder,
        ),
        ("highwater_recorder::capture::walk", none(), "highwater_recorder", Recorder),
        ("highwater_unwind::walk::walk", none(), "highwater_unwind", Recorder),
        ("highwater_runtime::capture::walk", none(), "highwater_runtime", Recorder),
        ("walk", registry("highwater-recorder-0.1.0/src/capture.rs"), "highwater_recorder", Recorder),
        ("backtrace::backtrace::trace", registry("backtrace-0.3.77/src/backtrace/mod.rs"), "backtrace", Shim),
        ("alloc::alloc::exchange_malloc", std("alloc/src/alloc.rs"), "alloc", Entry),
        ("alloc_impl_runtime", std("alloc/src/alloc.rs"), "alloc", Entry),
        (
            "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
            std("alloc/src/alloc.rs"),
            "alloc",
            Entry,
        ),
        ("malloc", none(), "", Entry),
        ("operator new(unsigned long)", none(), "", Entry),
        ("_rjem_je_mallocx", none(), "", Entry),
        ("_rjem_je_prof_backtrace", none(), "", Shim),
        ("prof_backtrace_impl", none(), "", Shim),
        ("arena_malloc_hard", none(), "", Inner),
        ("tikv_jemallocator::layout_to_flags", none(), "tikv_jemallocator", Shim),
        ("<demo::Counting as core::alloc::global::GlobalAlloc>::alloc", own.clone(), "demo", Entry),
        ("__libc_start_call_main", "./nptl/../sysdeps/nptl/libc_start_call_main.h".into(), "", Plumbing),
        ("start_thread", "./nptl/pthread_create.c".into(), "", Plumbing),
        ("start_thread", "src/pool.c".into(), "", Own),
        ("", none(), "", Nameless),
    ];
    for (function, file, crate_name, class) in cases {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let attribution = judge(some(function).as_deref(), some(&file).as_deref());
        assert_eq!(attribution, Attribution { crate_name: some(crate_name), class }, "{function} in {file}");
    }
}

#[test]
fn a_bare_name_becomes_its_file_s_crate() {
    let mut attribution = judge(Some("{closure#0}"), Some("crates/highwater-recorder/src/capture.rs"));
    assert_eq!(attribution.class, FrameClass::Own);
    attribution.adopt("highwater_recorder");
    assert_eq!(attribution.class, FrameClass::Recorder);
}

#[test]
fn the_allocator_s_frames_end_with_its_entry_point() {
    use FrameClass::{Entry, Inner, Nameless, Own, Plumbing, Recorder, Shim};
    let count = |classes: &[FrameClass]| allocator_frames(classes.iter().copied());
    // Inlined code of the recorder may have lost its name.
    assert_eq!(count(&[Plumbing, Own, Recorder, Own, Entry, Shim, Plumbing, Own, Shim]), 6);
    assert_eq!(count(&[Shim, Plumbing, Recorder, Plumbing, Plumbing, Own]), 3);
    assert_eq!(count(&[Plumbing, Own, Shim]), 0);
    assert_eq!(count(&[Nameless, Shim]), 0);
    // Without an entry point what stands between others of an allocator is its own, and nothing else.
    assert_eq!(count(&[Shim, Inner, Inner, Own, Inner]), 3);
    assert_eq!(count(&[Inner, Own]), 0);
    assert_eq!(count(&[Shim, Inner, Entry, Inner]), 3);
    assert_eq!(count(&[]), 0);
}

#[test]
fn searched_lists_are_sorted() {
    assert!(PLUMBING.is_sorted() && STARTERS.is_sorted());
}

#[test]
fn a_module_says_what_its_nameless_functions_are() {
    use ModuleKind::{Allocator, Program, System};
    assert_eq!(in_module(FrameClass::Nameless, None, Some(Program)), FrameClass::Own);
    assert_eq!(in_module(FrameClass::Nameless, None, Some(System)), FrameClass::Plumbing);
    assert_eq!(in_module(FrameClass::Nameless, None, Some(Allocator)), FrameClass::Shim);
    assert_eq!(in_module(FrameClass::Nameless, None, None), FrameClass::Nameless);
    assert_eq!(in_module(FrameClass::Own, None, Some(System)), FrameClass::Plumbing);
    assert_eq!(in_module(FrameClass::Own, None, Some(Program)), FrameClass::Own);
    assert_eq!(in_module(FrameClass::Entry, None, Some(System)), FrameClass::Entry);
}
