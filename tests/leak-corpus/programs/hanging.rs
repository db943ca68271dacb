//! Tests that wait for ever for their leftovers, and one that is only slow.

use std::thread;
use std::time::Duration;

use highwater_leaktest as _;
use tokio::runtime::Builder;

fn stay() {
    loop {
        thread::park();
    }
}

#[test]
fn drops_a_runtime_with_a_blocking_call() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { drop(tokio::task::spawn_blocking(stay)) }); // hang: task fn()
}

#[highwater_leaktest::test]
#[tokio::test]
async fn leaves_a_blocking_call_with_the_attribute() {
    tokio::task::spawn_blocking(stay); // hang: task fn()
}

#[test]
fn joins_a_thread_that_stays() {
    let thread = thread::Builder::new().name("stays".to_owned()).spawn(stay).unwrap(); // hang: thread "stays"
    thread.join().unwrap();
}

#[test]
fn takes_its_time() {
    thread::sleep(Duration::from_millis(500));
}
