//! Tests with the attribute's options, tests of other attributes, and guards. Those without either are not
//! checked when only marked ones are.

use std::thread;
use std::time::Duration;

use highwater_leaktest::check;
use rstest::rstest;

fn stay() {
    loop {
        thread::park();
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

#[highwater_leaktest::test]
fn leak_with_the_attribute() {
    named("attribute").spawn(stay).unwrap(); // leak: attribute
}

#[highwater_leaktest::test(grace = "50ms")]
fn leak_after_a_short_grace() {
    named("short").spawn(|| thread::sleep(Duration::from_secs(60))).unwrap(); // leak: short
}

#[highwater_leaktest::test(grace = "20s")]
fn clean_within_a_long_grace() {
    named("long").spawn(|| thread::sleep(Duration::from_millis(900))).unwrap();
}

#[highwater_leaktest::test(allow(threads = "pool-*"), allow(threads = "other"))]
fn clean_allowed_by_the_attribute() {
    named("pool-1").spawn(stay).unwrap();
    named("other").spawn(stay).unwrap();
}

#[highwater_leaktest::test(allow(threads = "pool-*"))]
fn leak_beside_what_the_attribute_allows() {
    named("pool-1").spawn(stay).unwrap();
    named("not-pool").spawn(stay).unwrap(); // leak: not-pool
}

/// A task that never ends.
async fn local() {
    std::future::pending::<()>().await;
}

/// The runtime never sees the task, whose owner goes with the body.
#[highwater_leaktest::test]
#[tokio::test]
async fn leak_of_a_task_that_a_local_set_drops() {
    let set = tokio::task::LocalSet::new();
    let start = async {
        tokio::task::spawn_local(local()); // leak: task local
        tokio::task::yield_now().await;
    };
    set.run_until(start).await;
}

#[highwater_leaktest::test]
#[tokio::test]
async fn clean_local_set_that_is_awaited() {
    let set = tokio::task::LocalSet::new();
    set.spawn_local(async {});
    set.await;
}

#[highwater_leaktest::test(allow(descriptors = "device /dev/null", children = "sleep *"))]
fn clean_held_and_allowed() {
    std::mem::forget(std::fs::File::open("/dev/null").unwrap());
    let mut command = std::process::Command::new("sleep");
    command.arg("30").stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    drop(command.spawn().unwrap());
}

#[highwater_leaktest::test(allow(descriptors = "socket*"))]
fn leak_of_a_file_beside_what_is_allowed() {
    std::mem::forget(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    std::mem::forget(std::fs::File::open("/dev/null").unwrap()); // leak: fd device /dev/null
}

#[test]
fn leak_of_a_file_in_a_guard() {
    let _leaks = check().allow_descriptors("socket udp*");
    std::mem::forget(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    std::mem::forget(std::fs::File::open("/dev/null").unwrap()); // leak: fd device /dev/null
}

#[highwater_leaktest::test]
#[tokio::test]
async fn leak_in_front_of_tokio() {
    named("tokio-front").spawn(stay).unwrap(); // leak: tokio-front
}

#[tokio::test]
#[highwater_leaktest::test]
async fn leak_behind_tokio() {
    named("tokio-behind").spawn(stay).unwrap(); // leak: tokio-behind
}

#[highwater_leaktest::test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clean_tokio_with_workers() {
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    tokio::spawn(async {}).await.unwrap();
}

async fn forever() {
    std::future::pending::<()>().await;
}

async fn soon() {
    tokio::time::sleep(Duration::from_millis(40)).await;
}

#[highwater_leaktest::test]
#[tokio::test]
async fn leak_of_a_task_in_front_of_tokio() {
    tokio::spawn(forever()); // leak: task forever
}

#[tokio::test]
#[highwater_leaktest::test]
async fn leak_of_a_task_behind_tokio() {
    tokio::spawn(forever()); // leak: task forever
}

#[highwater_leaktest::test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leak_of_a_task_of_workers() -> Result<(), String> {
    tokio::spawn(async { drop(tokio::spawn(forever())) }); // leak: task forever
    Ok(())
}

#[highwater_leaktest::test]
#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn leak_of_a_task_in_a_tokio_test_that_should_panic() {
    tokio::spawn(forever()); // leak: task forever
    panic!("on purpose");
}

#[highwater_leaktest::test(allow(tasks = "*::forever::*"))]
#[tokio::test]
async fn clean_task_allowed_by_the_attribute() {
    tokio::spawn(forever());
}

#[tokio::test]
#[highwater_leaktest::test(allow(tasks = "*::soon::*"))]
async fn leak_of_a_task_beside_what_the_attribute_allows() {
    tokio::spawn(forever()); // leak: task forever
}

#[tokio::test]
async fn clean_task_allowed_by_a_guard() {
    let leaks = check().allow_tasks("*::forever::*");
    tokio::spawn(forever());
    leaks.finish().await;
}

#[highwater_leaktest::test(block_on = "smol::block_on")]
async fn leak_of_a_task_under_smol() {
    smol::spawn(forever()).detach(); // leak: task forever
}

#[rstest]
#[case(1)]
#[case(2)]
#[highwater_leaktest::test]
#[tokio::test]
async fn leak_of_a_task_behind_rstest(#[case] number: u32) {
    tokio::spawn(async move { (forever().await, number) }); // leak: task leak_of_a_task_behind_rstest::{async_fn}::{async_block}
}

#[test]
fn leak_of_a_task_under_a_guard() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let _leaks = check();
    tokio::spawn(forever()); // leak: task forever
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leak_of_a_task_under_a_guard_in_async_code() {
    let _leaks = check();
    tokio::spawn(forever()); // leak: task forever
}

#[tokio::test]
async fn leak_of_a_task_under_a_guard_that_is_finished() {
    let leaks = check();
    tokio::spawn(forever()); // leak: task forever
    leaks.finish().await;
}

#[tokio::test]
async fn clean_task_under_a_guard_that_is_finished() {
    let leaks = check();
    tokio::spawn(soon());
    leaks.finish().await;
}

#[highwater_leaktest::test]
#[tokio::test]
async fn clean_task_within_the_grace_of_its_runtime() {
    tokio::spawn(soon());
}

#[tokio::test]
#[highwater_leaktest::test]
async fn clean_task_within_the_grace_of_its_runtime_behind_tokio() {
    tokio::spawn(soon());
}

#[highwater_leaktest::test]
#[tokio::test(start_paused = true)]
async fn clean_task_with_a_paused_clock() {
    tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
}

#[highwater_leaktest::test(block_on = "smol::block_on")]
async fn clean_task_under_smol() -> Result<(), String> {
    smol::spawn(async { smol::Timer::after(Duration::from_millis(40)).await }).detach();
    Ok(())
}

#[highwater_leaktest::test]
#[tokio::test]
async fn clean_handle_kept_of_a_finished_task() {
    let task = tokio::spawn(async {});
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
    std::mem::forget(task);
}

#[highwater_leaktest::test]
#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn clean_tokio_that_should_panic() {
    panic!("on purpose");
}

#[rstest]
#[case("rstest-1")] // first
#[case("rstest-1")]
#[highwater_leaktest::test]
fn leak_behind_rstest(#[case] name: &str) {
    named(name).spawn(stay).unwrap(); // leak: rstest-1
}

#[highwater_leaktest::test]
#[rstest]
#[case(1)]
#[case(2)]
fn clean_in_front_of_rstest(#[case] number: u32) {
    assert!(thread::spawn(move || number > 0).join().unwrap());
}

#[test]
fn leak_under_a_guard() {
    let _leaks = check();
    named("guarded").spawn(stay).unwrap(); // leak: guarded
}

#[test]
#[should_panic]
fn leak_under_a_guard_in_a_test_that_should_panic() {
    let _leaks = check();
    named("guard-panic").spawn(stay).unwrap(); // leak: guard-panic
}

#[test]
fn clean_under_a_guard() {
    let _leaks = check().grace(Duration::from_secs(20)).allow_threads("kept-*");
    named("kept-1").spawn(stay).unwrap();
    thread::spawn(|| thread::sleep(Duration::from_millis(700)));
}

#[test]
fn clean_for_not_being_marked() {
    named("unmarked").spawn(stay).unwrap();
}
