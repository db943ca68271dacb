//! Threads of asynchronous runtimes.

use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{linger, named, stay};

fn multi(name: &str) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name(name);
    builder
}

#[test]
fn leak_of_a_runtime() {
    let runtime = multi("rt-forgotten").build().unwrap(); // leak: rt-forgotten × 2
    runtime.block_on(async {});
    std::mem::forget(runtime);
}

#[test]
fn leak_of_a_blocking_call() {
    let runtime = Builder::new_current_thread().thread_name("blocking").build().unwrap();
    runtime.block_on(async { drop(tokio::task::spawn_blocking(stay)) }); // leak: blocking, task fn()
    runtime.shutdown_background();
}

#[test]
fn leak_of_a_thread_started_by_a_task() {
    let runtime = multi("rt").build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async { drop(named("by-task").spawn(stay).unwrap()) }).await.unwrap(); // leak: by-task
    });
}

#[test]
fn clean_runtime_dropped() {
    let runtime = Runtime::new_named();
    assert_eq!(runtime.block_on(async { tokio::spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn leak_of_a_task_in_a_runtime_that_is_dropped() {
    let runtime = Runtime::new_named();
    runtime.spawn(std::future::pending::<()>()); // leak: task Pending
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
}

#[test]
fn clean_blocking_call_that_ends() {
    let runtime = Runtime::new_named();
    runtime.block_on(async { tokio::task::spawn_blocking(linger).await.unwrap() });
}

#[test]
fn clean_runtime_shut_down_in_the_background() {
    let runtime = Runtime::new_named();
    runtime.spawn_blocking(linger);
    runtime.shutdown_background();
}

#[tokio::test]
async fn clean_tokio_test() {
    tokio::spawn(async {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clean_tokio_test_with_workers_and_blocking_calls() {
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    tokio::spawn(async {}).await.unwrap();
}

trait NewNamed {
    fn new_named() -> Self;
}

impl NewNamed for Runtime {
    fn new_named() -> Self {
        multi("rt").enable_time().build().unwrap()
    }
}

#[test]
fn clean_runtime_in_a_thread_that_is_joined() {
    thread::spawn(|| Runtime::new_named().block_on(async {})).join().unwrap();
}
