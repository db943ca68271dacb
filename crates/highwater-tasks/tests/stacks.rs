//! Stacks from a debugger for each executor, with and without debug information, and their classification.

use highwater_tasks::{Allocation, Call, Cell, Executor, Purpose, Version, classify, classify_by_table};

const ALLOC: &str = "/rustc/0123/library/alloc/src/alloc.rs";
const BOXED: &str = "/rustc/0123/library/alloc/src/boxed.rs";
const APP: &str = "/home/me/app/src/main.rs";

/// A stack, innermost call first: functions and the last parts of their files' paths.
fn stack<'a>(calls: &[(&'a str, &'a str)]) -> Vec<Call<'a>> {
    let call = |&(function, file): &(&'a str, &'a str)| Call {
        function,
        file: Some(file).filter(|it| !it.is_empty()),
    };
    calls.iter().map(call).collect()
}

fn cell(calls: &[(&str, &str)]) -> Cell {
    match classify(&stack(calls)) {
        Allocation::Cell(cell) => cell,
        other => panic!("{other:?}"),
    }
}

macro_rules! registry {
    ($path:literal) => {
        concat!("/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/", $path)
    };
}

/// The stack in a build with optimization and line tables.
const TOKIO_RELEASE: &[(&str, &str)] = &[
    ("alloc", "/home/me/highwater/src/alloc.rs"),
    ("__rust_alloc", APP),
    ("alloc", ALLOC),
    ("allocate", ALLOC),
    (
        "new<tokio::runtime::task::core::Cell<app::keepalive::{async_fn_env#0}, alloc::sync::Arc<x::Handle>>>",
        BOXED,
    ),
    (
        "new<app::keepalive::{async_fn_env#0}, alloc::sync::Arc<x::Handle>>",
        registry!("tokio-1.54.1/src/runtime/task/core.rs"),
    ),
    (
        "new<app::keepalive::{async_fn_env#0}, alloc::sync::Arc<x::Handle>>",
        registry!("tokio-1.54.1/src/runtime/task/raw.rs"),
    ),
    ("spawn<app::keepalive::{async_fn_env#0}>", registry!("tokio-1.54.1/src/runtime/scheduler/mod.rs")),
    ("map<x, y>", "/rustc/0123/library/core/src/option.rs"),
    ("spawn<app::keepalive::{async_fn_env#0}>", registry!("tokio-1.54.1/src/task/spawn.rs")),
    ("start", APP),
    ("main", APP),
];

/// The stack in a build without optimization.
const TOKIO_DEBUG: &[(&str, &str)] = &[
    ("__rustc::__rust_alloc", APP),
    ("alloc::alloc::alloc", ALLOC),
    ("alloc::boxed::Box<T>::new", BOXED),
    ("tokio::runtime::task::core::Cell<T,S>::new", registry!("tokio-1.54.1/src/runtime/task/core.rs")),
    ("tokio::runtime::task::raw::RawTask::new", registry!("tokio-1.54.1/src/runtime/task/raw.rs")),
    ("tokio::task::spawn::spawn", registry!("tokio-1.54.1/src/task/spawn.rs")),
    ("app::start", APP),
];

#[test]
fn tasks_of_tokio_are_found_in_both_kinds_of_build() {
    assert_eq!(
        cell(TOKIO_RELEASE),
        Cell {
            executor: Executor::Tokio,
            purpose: Purpose::Task,
            entry: 9,
            future: Some("app::keepalive::{async_fn}".to_owned())
        }
    );
    let debug = cell(TOKIO_DEBUG);
    assert_eq!((debug.entry, debug.future), (5, None));
}

#[test]
fn a_blocking_call_differs_from_a_worker() {
    let blocking = |caller: (&'static str, &'static str)| {
        cell(&[
            ("alloc", ALLOC),
            (
                "new<tokio::runtime::blocking::task::BlockingTask<app::work::{closure_env#1}>, S>",
                registry!("tokio-1.54.1/src/runtime/task/core.rs"),
            ),
            ("spawn_blocking<F, R>", registry!("tokio-1.54.1/src/runtime/blocking/pool.rs")),
            caller,
            ("app::start", APP),
        ])
    };
    let user = blocking(("spawn_blocking<F, R>", registry!("tokio-1.54.1/src/task/blocking.rs")));
    assert_eq!((user.purpose, user.future.as_deref()), (Purpose::Blocking, Some("app::work::{closure}")));
    for name in ["launch", "tokio::runtime::scheduler::multi_thread::worker::Launch::launch"] {
        let worker = blocking((name, registry!("tokio-1.54.1/src/runtime/scheduler/multi_thread/worker.rs")));
        assert_eq!(worker.purpose, Purpose::Own, "{name}");
    }
}

#[test]
fn tasks_of_smol_are_found_and_its_own_are_not() {
    const RAW: &str = registry!("async-task-4.7.1/src/raw.rs");
    let user = cell(&[
        ("__rust_alloc", APP),
        ("alloc", ALLOC),
        ("allocate<async_executor::AsyncCallOnDrop<app::work::{async_fn_env#0}, c>, (), s>", RAW),
        ("spawn_inner<(), F>", registry!("async-executor-1.14.1/src/lib.rs")),
        ("spawn<(), F>", registry!("smol-2.0.2/src/spawn.rs")),
        ("app::start", APP),
    ]);
    assert_eq!(
        (user.executor, user.purpose, user.entry, user.future.as_deref()),
        (Executor::AsyncTask, Purpose::Task, 4, Some("app::work::{async_fn}"))
    );
    let own = cell(&[
        ("alloc", ALLOC),
        ("async_task::raw::RawTask<F,T,S,M>::allocate", RAW),
        ("async_executor::Executor::spawn", registry!("async-executor-1.14.1/src/lib.rs")),
        ("smol::spawn::spawn::global::{{closure}}", registry!("smol-2.0.2/src/spawn.rs")),
        ("async_lock::once_cell::OnceCell<T>::get_or_init", registry!("async-lock-3.5.0/src/once_cell.rs")),
        ("smol::spawn::spawn::global", registry!("smol-2.0.2/src/spawn.rs")),
        ("app::start", APP),
    ]);
    assert_eq!((own.purpose, own.future), (Purpose::Own, None));
}

#[test]
fn futures_in_collections_are_found() {
    const MOD: &str = registry!("futures-util-0.3.34/src/stream/futures_unordered/mod.rs");
    let found = cell(&[
        ("alloc", ALLOC),
        ("new<T>", "/rustc/0123/library/alloc/src/sync.rs"),
        ("push<app::work::{async_fn_env#0}>", MOD),
        ("from_iter<F, I>", MOD),
        ("collect<I, B>", "/rustc/0123/library/core/src/iter/traits/iterator.rs"),
        ("app::start", APP),
    ]);
    assert_eq!(
        (found.executor, found.entry, found.future.as_deref()),
        (Executor::Futures, 3, Some("app::work::{async_fn}"))
    );
}

#[test]
fn other_blocks_of_executors_are_no_tasks() {
    for calls in [
        &[("alloc", ALLOC), ("new<F>", registry!("tokio-1.54.1/src/runtime/builder.rs"))][..],
        // A future too large for a cell, which is put into a block of its own first.
        &[("alloc", ALLOC), ("pin<F>", BOXED), ("spawn<F>", registry!("tokio-1.54.1/src/task/spawn.rs"))],
        &[("alloc", ALLOC), ("new<F>", "/home/me/app/src/runtime/task/core.rs")],
        &[("alloc", ALLOC), ("app::start", APP)],
        &[("alloc", ALLOC)],
        &[],
    ] {
        assert_eq!(classify(&stack(calls)), Allocation::Other, "{calls:?}");
    }
}

#[test]
fn an_unknown_version_is_unclassified() {
    for (file, version) in [
        (registry!("tokio-2.0.0/src/task/spawn.rs"), Some(Version { major: 2, minor: 0 })),
        ("/home/me/vendor/tokio/src/runtime/task/core.rs", None),
    ] {
        let calls = [("alloc", ALLOC), ("make<F>", file), ("spawn<F>", file), ("app::start", APP)];
        let expected = Allocation::Unclassified { executor: Executor::Tokio, version, entry: 2 };
        assert_eq!(classify(&stack(&calls)), expected, "{file}");
    }
    let constructor = [("tokio::runtime::task::core::Cell<T,S>::new", ""), ("app::start", "")];
    assert!(matches!(classify(&stack(&constructor)), Allocation::Unclassified { version: None, .. }));
}

#[test]
fn a_cell_is_known_by_its_table_of_functions() {
    let calls = [Call { function: "mine::tests::a", file: None }];
    let cell =
        |function: &str| classify_by_table(function, &calls).map(|it| (it.executor, it.purpose, it.future));
    let task = |executor, future: &str| Some((executor, Purpose::Task, Some(future.to_owned())));
    assert_eq!(
        cell("tokio::runtime::task::raw::poll::<mine::work::{closure#0}, alloc::sync::Arc<x::Handle>>"),
        task(Executor::Tokio, "mine::work::{closure}")
    );
    assert_eq!(
        cell("<async_task::raw::RawTask<mine::work::{closure#0}, (), x::S, ()>>::schedule"),
        task(Executor::AsyncTask, "mine::work::{closure}")
    );
    assert_eq!(cell("tokio::runtime::task::raw::poll"), Some((Executor::Tokio, Purpose::Task, None)));
    for other in [
        "tokio::runtime::task::raw::schedule",
        "async_task::raw::RawTask<F,T,S,M>::clone_waker",
        "<async_task::raw::RawTask<F, T, S, M>>::wake",
        "mine::poll",
        "",
    ] {
        assert_eq!(cell(other), None, "{other}");
    }
}
