//! What is still going on when the process exits: a job that is stuck on a pool of the process, and a task
//! that is spawned when its test has had its verdict.

use std::future::pending;
use std::sync::LazyLock;
use std::time::Duration;

use highwater_leaktest as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

static SHARED: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap());
static GO: Notify = Notify::const_new();

/// Spawns another task when it is asked to, and stays.
async fn parent() {
    GO.notified().await;
    tokio::spawn(child()); // the late one
    pending::<()>().await;
}

async fn child() {
    pending::<()>().await;
}

#[test]
fn a_leaves_a_task_that_spawns_later() {
    SHARED.spawn(parent());
}

/// Runs behind the first one, with one thread of tests.
#[test]
fn b_lets_it_spawn() {
    GO.notify_one();
    SHARED.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
}

fn stuck() {
    loop {
        std::thread::park(); // the stuck one
    }
}

#[test]
fn c_leaves_a_job() {
    rayon::spawn(stuck);
}

#[test]
fn d_has_its_job_done() {
    assert_eq!(rayon::join(|| 1, || 2), (1, 2));
}
