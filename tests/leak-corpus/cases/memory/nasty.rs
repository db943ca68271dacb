//! Tests that only seem to leave blocks or to use too many.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;

use super::block;

static LAZY: LazyLock<Vec<u8>> = LazyLock::new(|| block(5_000));
static ONCE: OnceLock<Mutex<HashMap<u32, String>>> = OnceLock::new();

#[highwater_leaktest::test(deny(blocks))]
fn clean_initialises_what_is_the_processes() {
    assert_eq!(LAZY.len(), 5_000);
    ONCE.get_or_init(|| Mutex::new(HashMap::from([(1, "one".to_owned())])));
}

static LAZY_IN_BUDGET: LazyLock<Vec<u8>> = LazyLock::new(|| block(9_000));

#[highwater_leaktest::test(max_blocks = 0, max_bytes = 0, max_peak = 0)]
fn clean_initialises_within_no_budget() {
    assert_eq!(LAZY_IN_BUDGET.len(), 9_000);
}

#[highwater_leaktest::test(deny(blocks), max_blocks = 0)]
fn clean_prints() {
    for line in 0..100 {
        println!("this is captured, and kept by libtest: {line}");
    }
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_catches_a_panic() {
    let caught = std::panic::catch_unwind(|| {
        let _kept = block(10);
        panic!("on purpose");
    });
    assert!(caught.is_err());
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_many_threads() {
    let threads: Vec<_> = (0..8).map(|size| thread::spawn(move || block(size * 100).len())).collect();
    let sum: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
    assert_eq!(sum, 2_800);
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_scoped_threads() {
    let mut parts = [0_usize; 4];
    thread::scope(|scope| {
        for part in &mut parts {
            scope.spawn(|| *part = block(64).len());
        }
    });
    assert_eq!(parts, [64; 4]);
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_blocks_freed_elsewhere() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let other = thread::spawn(move || receiver.iter().map(|it: Vec<u8>| it.len()).sum::<usize>());
    for size in 0..100 {
        sender.send(block(size)).unwrap();
    }
    drop(sender);
    assert_eq!(other.join().unwrap(), 4_950);
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_pool_of_its_own() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(pool.install(|| rayon::join(|| block(10).len(), || block(20).len())), (10, 20));
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_channel_of_crossbeam() {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let other = thread::spawn(move || receiver.iter().map(|it: Vec<u8>| it.len()).sum::<usize>());
    for size in 0..50 {
        sender.send(block(size)).unwrap();
    }
    drop(sender);
    assert_eq!(other.join().unwrap(), 1_225);
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_executor_of_its_own() {
    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(async { block(30).len() });
    assert_eq!(smol::future::block_on(executor.run(task)), 30);
}
