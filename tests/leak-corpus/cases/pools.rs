//! Pools of other crates, and channels between threads.

use std::thread;

use super::{named, stay};

#[test]
fn leak_of_a_thread_pool_that_is_stuck() {
    let pool = threadpool::ThreadPool::with_name("stuck-pool".to_owned(), 2); // leak: stuck-pool × 2
    pool.execute(stay);
    std::mem::forget(pool);
}

#[test]
fn leak_of_one_worker_of_a_dropped_thread_pool() {
    let pool = threadpool::ThreadPool::with_name("stuck-worker".to_owned(), 1); // leak: stuck-worker
    pool.execute(stay);
}

#[test]
fn leak_of_a_rayon_pool() {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(2).thread_name(|_| "rayon-own".to_owned());
    std::mem::forget(builder.build().unwrap()); // leak: rayon-own × 2
}

#[test]
fn leak_of_a_rayon_pool_that_is_stuck() {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "rayon-stuck".to_owned());
    builder.build().unwrap().spawn(stay); // leak: rayon-stuck
}

#[test]
fn leak_waiting_for_a_crossbeam_channel() {
    let (sender, receiver) = crossbeam_channel::unbounded::<()>();
    named("crossbeam").spawn(move || receiver.recv()).unwrap(); // leak: crossbeam
    std::mem::forget(sender);
}

#[test]
fn leak_waiting_to_send() {
    let (sender, receiver) = crossbeam_channel::bounded::<()>(0);
    named("sender").spawn(move || sender.send(())).unwrap(); // leak: sender
    std::mem::forget(receiver);
}

#[test]
fn leak_waiting_for_a_ticker() {
    let ticks = crossbeam_channel::tick(std::time::Duration::from_millis(50));
    named("ticker").spawn(move || ticks.iter().for_each(drop)).unwrap(); // leak: ticker
}

#[test]
fn clean_thread_pool_dropped() {
    let pool = threadpool::ThreadPool::new(2);
    pool.execute(|| ());
    pool.join();
}

#[test]
fn clean_rayon_pool_dropped() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(pool.install(|| rayon::join(|| 1, || 2)), (1, 2));
}

#[test]
fn clean_rayon_scope() {
    let mut sum = 0;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.scope(|scope| scope.spawn(|_| sum += 1));
    assert_eq!(sum, 1);
}

#[test]
fn clean_crossbeam_channel_closed() {
    let (sender, receiver) = crossbeam_channel::unbounded::<u32>();
    let sum = thread::spawn(move || receiver.iter().sum::<u32>());
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(sum.join().unwrap(), 1);
}
