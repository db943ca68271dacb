//! Tasks of smol, async-executor and futures.

use std::future::{Future, pending, ready};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use smol::{Executor, LocalExecutor, Task, Timer};

async fn forever() {
    pending::<()>().await;
}

async fn soon() {
    Timer::after(Duration::from_millis(30)).await;
}

fn kept<T>(thing: T) {
    Box::leak(Box::new(thing));
}

#[test]
fn leak_of_a_smol_task() {
    smol::spawn(forever()).detach(); // leak: task forever
}

#[test]
fn leak_of_a_smol_task_whose_handle_is_kept() {
    kept(smol::spawn(forever())); // leak: task forever
}

#[test]
fn leak_of_many_smol_tasks() {
    (0..3).for_each(|_| smol::spawn(forever()).detach()); // leak: task forever × 3
}

#[test]
fn leak_of_a_smol_async_block() {
    smol::spawn(async { pending::<()>().await }).detach(); // leak: task {async_block}
}

#[test]
fn leak_of_a_blocking_call_of_smol() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    smol::unblock(move || receiver.recv()).detach(); // leak: task
    kept(sender);
}

#[test]
fn leak_of_a_task_in_an_executor_of_the_process() {
    static EXECUTOR: LazyLock<Executor<'static>> = LazyLock::new(Executor::new);
    EXECUTOR.spawn(forever()).detach(); // leak: task forever
    smol::block_on(EXECUTOR.run(Timer::after(Duration::from_millis(5))));
}

#[test]
fn leak_of_a_forgotten_executor() {
    let executor = Executor::new();
    executor.spawn(forever()).detach(); // leak: task forever
    std::mem::forget(executor);
}

#[test]
fn leak_of_a_task_in_a_local_executor() {
    let executor = LocalExecutor::new();
    executor.spawn(forever()).detach(); // leak: task forever
    std::mem::forget(executor);
}

#[test]
fn leak_of_forgotten_futures() {
    let futures = FuturesUnordered::new();
    futures.push(forever()); // leak: task forever
    std::mem::forget(futures);
}

#[test]
fn leak_of_collected_futures() {
    let futures: FuturesUnordered<_> = [forever(), forever()].into_iter().collect(); // leak: task forever × 2
    std::mem::forget(futures);
}

#[test]
#[should_panic]
fn leak_of_a_smol_task_in_a_test_that_should_panic() {
    smol::spawn(forever()).detach(); // leak: task forever
    panic!("on purpose");
}

#[test]
fn clean_smol_task_awaited() {
    assert_eq!(smol::block_on(smol::spawn(async { 7 })), 7);
}

#[test]
fn clean_smol_task_dropped() {
    drop(smol::spawn(forever()));
}

#[test]
fn clean_smol_task_cancelled() {
    smol::block_on(smol::spawn(forever()).cancel());
}

#[test]
fn clean_smol_task_that_ends_within_the_grace() {
    smol::spawn(soon()).detach();
}

#[test]
fn clean_handle_kept_of_a_finished_smol_task() {
    static KEPT: Mutex<Vec<Task<u8>>> = Mutex::new(Vec::new());
    let task = smol::spawn(ready(7));
    while !task.is_finished() {
        std::thread::sleep(Duration::from_millis(1));
    }
    KEPT.lock().unwrap().push(task);
}

#[test]
fn clean_blocking_call_of_smol() {
    assert_eq!(smol::block_on(smol::unblock(|| 7)), 7);
}

#[test]
fn clean_executor_dropped() {
    let executor = Executor::new();
    let task = executor.spawn(soon());
    smol::block_on(executor.run(task));
}

#[test]
fn clean_local_executor_dropped() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { 7 });
    assert_eq!(smol::block_on(executor.run(task)), 7);
}

#[test]
fn clean_futures_that_are_over() {
    let mut futures: FuturesUnordered<_> = (0..40).map(ready).collect();
    let mut sum = 0;
    smol::block_on(async {
        while let Some(each) = futures.next().await {
            sum += each;
        }
    });
    assert_eq!(sum, 780);
    kept(futures);
}

#[test]
fn clean_futures_dropped() {
    let futures: FuturesUnordered<_> = [forever(), forever()].into_iter().collect();
    drop(futures);
}

#[test]
fn clean_future_that_is_no_task() {
    let _boxed: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(forever());
    kept(Box::new(3));
}
