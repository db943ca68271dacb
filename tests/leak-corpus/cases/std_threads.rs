//! Threads of the standard library.

use std::net::TcpListener;
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{linger, named, stay};

#[test]
fn leak_detached() {
    named("detached").spawn(stay).unwrap(); // leak: detached
}

#[test]
fn leak_three_at_once() {
    for _ in 0..3 {
        named("one-of-three").spawn(stay).unwrap(); // leak: one-of-three × 3
    }
}

#[test]
fn leak_by_a_child_that_ended() {
    let child = || drop(named("grandchild").spawn(stay).unwrap()); // leak: grandchild
    named("child").spawn(child).unwrap().join().unwrap();
}

#[test]
fn leak_by_a_child_that_stays() {
    let child = || {
        named("second").spawn(stay).unwrap(); // leak: second
        stay();
    };
    named("first").spawn(child).unwrap(); // leak: first
}

#[test]
fn leak_waiting_for_a_message() {
    let (sender, receiver) = mpsc::channel::<()>();
    named("receiver").spawn(move || receiver.recv()).unwrap(); // leak: receiver
    std::mem::forget(sender);
}

#[test]
fn leak_waiting_for_a_lock() {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let other = Arc::clone(&lock);
    named("locker").spawn(move || drop(other.lock().map(drop))).unwrap(); // leak: locker
    std::mem::forget(held);
}

#[test]
fn leak_waiting_for_a_reader() {
    let lock = Arc::new(RwLock::new(()));
    std::mem::forget(lock.read().unwrap());
    let other = Arc::clone(&lock);
    named("writer").spawn(move || drop(other.write().map(drop))).unwrap(); // leak: writer
}

#[test]
fn leak_waiting_for_a_condition() {
    let wait = || {
        let (lock, condition) = (Mutex::new(()), Condvar::new());
        let guard = lock.lock().unwrap();
        drop(condition.wait_while(guard, |_| true));
    };
    named("condition").spawn(wait).unwrap(); // leak: condition
}

#[test]
fn leak_waiting_at_a_barrier() {
    let barrier = Arc::new(Barrier::new(2));
    named("barrier").spawn(move || barrier.wait().is_leader()).unwrap(); // leak: barrier
}

#[test]
fn leak_waiting_for_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // leak: fd socket tcp
    named("listener").spawn(move || listener.accept()).unwrap(); // leak: listener
}

#[test]
fn leak_sleeping() {
    named("sleeper").spawn(|| thread::sleep(Duration::from_secs(3600))).unwrap(); // leak: sleeper
}

#[test]
fn leak_waking_now_and_then() {
    let wake = || {
        loop {
            thread::sleep(Duration::from_millis(20));
        }
    };
    named("waker").spawn(wake).unwrap(); // leak: waker
}

#[test]
fn leak_busy() {
    // Not for ever: it would slow down all tests that follow.
    let work = || {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            let pause = Instant::now();
            while pause.elapsed() < Duration::from_millis(2) {}
            thread::sleep(Duration::from_millis(3));
        }
    };
    named("busy").spawn(work).unwrap(); // leak: busy
}

#[test]
fn leak_beside_one_that_is_joined() {
    let joined = named("joined").spawn(linger).unwrap();
    named("beside").spawn(stay).unwrap(); // leak: beside
    joined.join().unwrap();
}

#[test]
fn leak_beside_one_that_lingers() {
    named("lingers").spawn(linger).unwrap();
    named("stays").spawn(stay).unwrap(); // leak: stays
}

#[test]
fn leak_with_a_handle_in_a_static() {
    static HANDLE: Mutex<Option<thread::JoinHandle<()>>> = Mutex::new(None);
    *HANDLE.lock().unwrap() = Some(named("kept-handle").spawn(stay).unwrap()); // leak: kept-handle
}

#[test]
fn leak_out_of_a_scope_of_threads() {
    thread::scope(|scope| {
        scope.spawn(|| drop(named("out-of-scope").spawn(stay).unwrap())); // leak: out-of-scope
    });
}

#[test]
fn clean_without_threads() {}

#[test]
fn clean_joined() {
    named("joined").spawn(linger).unwrap().join().unwrap();
}

#[test]
fn clean_many_joined() {
    let threads: Vec<_> = (0..50).map(|_| thread::spawn(|| ())).collect();
    threads.into_iter().for_each(|it| it.join().unwrap());
}

#[test]
fn clean_scoped() {
    let mut sum = 0;
    thread::scope(|scope| {
        scope.spawn(|| sum += 1);
    });
    assert_eq!(sum, 1);
}

#[test]
fn clean_joined_after_a_panic() {
    assert!(named("panics").spawn(|| panic!("on purpose")).unwrap().join().is_err());
}

#[test]
fn clean_grandchild_joined_by_its_parent() {
    thread::spawn(|| thread::spawn(linger).join().unwrap()).join().unwrap();
}

#[test]
fn clean_chain_of_threads() {
    fn next(rest: u32) {
        if rest > 0 {
            thread::spawn(move || next(rest - 1)).join().unwrap();
        }
    }
    next(30);
}

#[test]
fn clean_released_by_its_channel() {
    let (sender, receiver) = mpsc::channel::<()>();
    let thread = thread::spawn(move || receiver.recv());
    drop(sender);
    assert!(thread.join().unwrap().is_err());
}
