//! Tasks of tokio runtimes that are built by hand: tasks that outlive the test's use of them, and others.

use std::future::pending;
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, LocalSet};
use tokio::time::sleep;

/// A task that never ends.
async fn forever() {
    pending::<()>().await;
}

/// A task that waits for a message that never comes.
async fn waits(receiver: oneshot::Receiver<()>) {
    let _ = receiver.await;
}

/// A task that keeps another task waiting while it waits.
async fn holds(receiver: oneshot::Receiver<()>, sender: oneshot::Sender<()>) {
    let _ = receiver.await;
    drop(sender);
}

/// Another task like that.
async fn keeps(receiver: oneshot::Receiver<()>, sender: oneshot::Sender<()>) {
    holds(receiver, sender).await;
}

async fn soon() {
    sleep(Duration::from_millis(30)).await;
}

fn single() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn multi() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// A runtime of the process, which all tests share.
fn shared() -> &'static Runtime {
    static SHARED: LazyLock<Runtime> = LazyLock::new(multi);
    &SHARED
}

/// Lets the runtime poll the spawned tasks.
fn turn(runtime: &Runtime) {
    runtime.block_on(async { sleep(Duration::from_millis(10)).await });
}

#[test]
fn leak_of_a_task_that_a_shutdown_ends() {
    let runtime = single();
    runtime.spawn(forever()); // leak: task forever
    turn(&runtime);
}

#[test]
fn leak_of_a_task_of_workers_that_a_shutdown_ends() {
    let runtime = multi();
    runtime.spawn(forever()); // leak: task forever
    turn(&runtime);
}

#[test]
fn leak_of_many_tasks_of_one_line() {
    let runtime = single();
    for _ in 0..5 {
        runtime.spawn(forever()); // leak: task forever × 5
    }
    turn(&runtime);
}

#[test]
fn leak_of_a_task_spawned_by_a_task() {
    let runtime = multi();
    runtime.block_on(async {
        let outer = tokio::spawn(async { drop(tokio::spawn(forever())) }); // leak: task forever
        outer.await.unwrap();
        sleep(Duration::from_millis(10)).await;
    });
}

#[test]
fn leak_of_a_task_with_its_handle_dropped() {
    let runtime = single();
    let _entered = runtime.enter();
    drop(tokio::spawn(forever())); // leak: task forever
    turn(&runtime);
}

#[test]
fn leak_of_an_async_block() {
    let runtime = single();
    runtime.spawn(async { pending::<()>().await }); // leak: task {async_block}
    turn(&runtime);
}

#[test]
fn leak_of_a_task_that_waits_for_a_sender() {
    let runtime = single();
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(waits(receiver)); // leak: task waits
    turn(&runtime);
    std::mem::forget(sender);
}

#[test]
fn leak_of_a_local_task() {
    let runtime = single();
    let local = LocalSet::new();
    local.spawn_local(forever()); // leak: task forever
    local.block_on(&runtime, async { sleep(Duration::from_millis(10)).await });
}

#[test]
fn leak_of_a_task_in_a_runtime_of_the_process() {
    shared().spawn(forever()); // leak: task forever
}

#[test]
fn leak_of_a_task_in_a_runtime_of_the_process_by_block_on() {
    shared().block_on(async { drop(tokio::spawn(forever())) }); // leak: task forever
}

#[test]
fn leak_of_a_task_with_a_large_future() {
    let large = [0_u8; 30_000];
    let future = async move {
        pending::<()>().await;
        std::hint::black_box(large);
    };
    // A future this large is put into a block of its own first.
    shared().spawn(future); // leak: task {async_block}
}

#[test]
fn leak_of_a_join_set_that_is_forgotten() {
    let mut set = JoinSet::new();
    set.spawn_on(forever(), shared().handle()); // leak: task forever
    std::mem::forget(set);
}

/// The end of each task wakes the next one, while the dropped runtime ends them one after the other.
#[test]
fn leak_of_tasks_that_wait_for_each_other() {
    let runtime = single();
    let (first, receiver) = oneshot::channel();
    let (second, waits_for_first) = oneshot::channel();
    let (third, waits_for_second) = oneshot::channel();
    // A runtime of one thread has four lists of tasks, and ends each from its beginning: none of the others
    // is the first.
    for _ in 0..4 {
        runtime.spawn(forever()); // leak: task forever × 4
    }
    runtime.spawn(holds(receiver, second)); // leak: task holds
    runtime.spawn(keeps(waits_for_first, third)); // leak: task keeps
    runtime.spawn(waits(waits_for_second)); // leak: task waits
    turn(&runtime);
    std::mem::forget(first);
}

#[test]
fn leak_of_a_task_in_a_result_test() -> Result<(), String> {
    shared().spawn(forever()); // leak: task forever
    Ok(())
}

#[test]
#[should_panic]
fn leak_of_a_task_in_a_test_that_should_panic() {
    shared().spawn(forever()); // leak: task forever
    panic!("on purpose");
}

#[test]
fn leak_of_a_task_in_a_test_that_fails() {
    shared().spawn(forever()); // leak: task forever
    panic!("on purpose");
}

#[test]
fn clean_task_awaited() {
    assert_eq!(single().block_on(async { tokio::spawn(async { 7 }).await.unwrap() }), 7);
}

#[test]
fn clean_handles_kept_of_finished_tasks() {
    static KEPT: Mutex<Vec<JoinHandle<u8>>> = Mutex::new(Vec::new());
    let handles: Vec<_> = (0..4).map(|it| shared().spawn(async move { it })).collect();
    while !handles.iter().all(JoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(1));
    }
    KEPT.lock().unwrap().extend(handles);
}

#[test]
fn clean_task_aborted_and_its_handle_kept() {
    let task = shared().spawn(forever());
    task.abort();
    std::mem::forget(task);
}

#[test]
fn clean_task_aborted_and_awaited() {
    let aborted = single().block_on(async {
        let task = tokio::spawn(forever());
        task.abort();
        task.await
    });
    assert!(aborted.unwrap_err().is_cancelled());
}

#[test]
fn clean_task_that_ends_within_the_grace() {
    shared().spawn(soon());
}

#[test]
fn clean_blocking_task_that_ends_within_the_grace() {
    shared().spawn_blocking(|| thread::sleep(Duration::from_millis(30)));
}

#[test]
fn clean_task_that_was_woken_when_its_runtime_went() {
    let runtime = single();
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(waits(receiver));
    turn(&runtime);
    sender.send(()).unwrap();
}

#[test]
fn clean_task_aborted_when_its_runtime_went() {
    let runtime = single();
    let ends = runtime.spawn(soon());
    let task = runtime.spawn(forever());
    runtime.block_on(ends).unwrap();
    task.abort();
}

#[test]
fn clean_task_that_never_ran() {
    single().spawn(forever());
}

#[test]
fn clean_join_set_dropped() {
    single().block_on(async {
        let mut set = JoinSet::new();
        set.spawn(forever());
        set.spawn(soon());
        sleep(Duration::from_millis(10)).await;
        drop(set);
        tokio::task::yield_now().await;
    });
}

#[test]
fn clean_join_set_awaited() {
    multi().block_on(async {
        let mut set = JoinSet::new();
        (0..8).for_each(|_| drop(set.spawn(soon())));
        set.join_all().await
    });
}

#[test]
fn clean_task_that_panicked() {
    let result = shared().block_on(async { tokio::spawn(async { panic!("on purpose") }).await });
    assert!(result.unwrap_err().is_panic());
}

#[test]
fn clean_local_tasks_awaited() {
    let local = LocalSet::new();
    local.block_on(&single(), async { tokio::task::spawn_local(soon()).await.unwrap() });
}

#[test]
fn clean_task_of_the_process() {
    static KEEPER: OnceLock<JoinHandle<()>> = OnceLock::new();
    assert!(!KEEPER.get_or_init(|| shared().spawn(forever())).is_finished());
}

#[test]
fn clean_task_allowed_by_a_rule() {
    async fn allowed_task() {
        pending::<()>().await;
    }
    shared().spawn(allowed_task());
}

#[test]
#[should_panic]
fn clean_task_in_a_test_that_should_panic() {
    shared().spawn(soon());
    panic!("on purpose");
}

#[test]
fn clean_task_in_a_test_that_fails() {
    shared().spawn(soon());
    panic!("on purpose");
}

#[test]
fn clean_task_in_a_result_test() -> Result<(), tokio::task::JoinError> {
    shared().block_on(async { tokio::spawn(soon()).await })
}
