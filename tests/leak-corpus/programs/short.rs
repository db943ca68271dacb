//! A few tests of each kind, to build in all the ways in which programs are built: with either mangling,
//! without debug information, optimized.

use std::future::pending;
use std::sync::{LazyLock, Mutex, Once, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use highwater_leaktest as _;
use tokio::runtime::{Builder, Runtime};

fn stay() {
    loop {
        thread::park();
    }
}

fn single() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn leak_thread() {
    thread::spawn(stay);
}

#[test]
fn leak_task_of_a_runtime_that_is_dropped() {
    single().block_on(async {
        tokio::spawn(pending::<()>());
        tokio::time::sleep(Duration::from_millis(5)).await;
    });
}

#[test]
fn leak_task_of_a_runtime_that_is_kept() {
    static KEPT: Mutex<Vec<Runtime>> = Mutex::new(Vec::new());
    let runtime = single();
    runtime.block_on(async { drop(tokio::spawn(pending::<()>())) });
    KEPT.lock().unwrap().push(runtime);
}

#[test]
fn leak_task_of_smol() {
    smol::spawn(pending::<()>()).detach();
}

#[test]
fn leak_futures() {
    let futures: FuturesUnordered<_> = [pending::<()>()].into_iter().collect();
    std::mem::forget(futures);
}

#[test]
fn leak_descriptor() {
    std::mem::forget(std::fs::File::open("/dev/null").unwrap());
}

#[test]
fn leak_child() {
    let mut command = std::process::Command::new("true");
    drop(command.stdin(std::process::Stdio::null()).spawn().unwrap());
}

#[test]
fn clean_descriptor_of_the_process() {
    static FILE: LazyLock<std::fs::File> = LazyLock::new(|| std::fs::File::open("/dev/null").unwrap());
    assert!(FILE.metadata().is_ok());
}

#[test]
fn clean_child() {
    assert!(std::process::Command::new("true").status().unwrap().success());
}

#[test]
fn clean_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(thread::spawn(stay)));
}

#[test]
fn clean_once_lock() {
    static POOL: OnceLock<JoinHandle<()>> = OnceLock::new();
    POOL.get_or_init(|| thread::spawn(stay));
}

#[test]
fn clean_lazy_lock() {
    static POOL: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).build().unwrap());
    POOL.block_on(async { tokio::spawn(async {}).await.unwrap() });
}

#[test]
fn clean_pool_of_a_runtime_that_is_kept() {
    static KEPT: Mutex<Vec<Runtime>> = Mutex::new(Vec::new());
    let runtime = single();
    runtime.block_on(async { tokio::task::spawn_blocking(|| ()).await.unwrap() });
    KEPT.lock().unwrap().push(runtime);
}

#[test]
fn clean_pools_of_the_process() {
    rayon::join(|| (), || ());
    assert_eq!(smol::block_on(smol::unblock(|| 7)), 7);
}

#[test]
fn clean_task() {
    single().block_on(async { tokio::spawn(async {}).await.unwrap() });
}
