//! Threads that end late, and how.

use std::cell::RefCell;
use std::panic;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{linger, named, stay};

struct JoinOnDrop(Option<JoinHandle<()>>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[test]
fn clean_joined_in_a_destructor() {
    let _joined = JoinOnDrop(Some(thread::spawn(linger)));
}

#[test]
fn clean_joined_in_a_destructor_while_panicking() {
    let result = panic::catch_unwind(|| {
        let _joined = JoinOnDrop(Some(thread::spawn(linger)));
        panic!("on purpose");
    });
    assert!(result.is_err());
}

#[test]
fn clean_detached_and_ended_within_the_grace() {
    named("detached").spawn(linger).unwrap();
}

#[test]
fn clean_detached_grandchild_ended_within_the_grace() {
    thread::spawn(|| drop(named("detached").spawn(linger).unwrap()));
}

#[test]
fn clean_released_at_the_end() {
    let (sender, receiver) = mpsc::channel::<()>();
    thread::spawn(move || receiver.recv());
    drop(sender);
}

#[test]
fn clean_finished_with_its_handle_kept() {
    let thread = thread::spawn(|| ());
    while !thread.is_finished() {
        thread::yield_now();
    }
    std::mem::forget(thread);
}

#[test]
fn clean_busy_beyond_the_grace() {
    let work = || {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(500) {
            std::hint::black_box(0);
        }
    };
    named("computes").spawn(work).unwrap();
}

#[test]
fn clean_ends_in_a_destructor_of_its_thread_local() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            linger();
        }
    }
    thread_local!(static SLOW: RefCell<Option<Slow>> = const { RefCell::new(None) });
    thread::spawn(|| SLOW.set(Some(Slow)));
}

#[test]
fn leak_by_a_destructor() {
    struct Starts;
    impl Drop for Starts {
        fn drop(&mut self) {
            named("in-drop").spawn(stay).unwrap(); // leak: in-drop
        }
    }
    let _starts = Starts;
}

#[test]
fn leak_by_a_thread_local_destructor_of_a_thread() {
    struct Starts;
    impl Drop for Starts {
        fn drop(&mut self) {
            named("in-tls-drop").spawn(stay).unwrap(); // leak: in-tls-drop
        }
    }
    thread_local!(static STARTS: RefCell<Option<Starts>> = const { RefCell::new(None) });
    thread::spawn(|| STARTS.set(Some(Starts))).join().unwrap();
}

#[test]
fn leak_of_what_a_destructor_should_join() {
    std::mem::forget(JoinOnDrop(Some(named("not-joined").spawn(stay).unwrap()))); // leak: not-joined
}

#[test]
fn leak_of_a_thread_whose_handle_is_dropped_while_panicking() {
    let result = panic::catch_unwind(|| {
        let _handle = named("unwound").spawn(stay).unwrap(); // leak: unwound
        panic!("on purpose");
    });
    assert!(result.is_err());
}
