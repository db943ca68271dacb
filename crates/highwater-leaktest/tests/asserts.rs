//! The assertions on what code allocates, as a test program uses them.
#![cfg(unix)]
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::panic::catch_unwind;

use highwater_leaktest::{assert_allocs, assert_no_alloc};

fn fault(code: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = catch_unwind(code).expect_err("it should panic");
    *panic.downcast::<String>().expect("with words")
}

#[test]
fn what_keeps_its_bound_passes() {
    assert_eq!(assert_no_alloc!({ black_box(1) + 1 }), 2);
    assert_eq!(*assert_allocs!(== 1, { black_box(Box::new(7)) }), 7);
    assert_allocs!(<= 3, { drop(black_box(vec![1])) });
}

#[test]
fn what_does_not_is_told_with_its_line() {
    let line = line!() + 1;
    let said = fault(|| assert_no_alloc!({ drop(black_box(vec![0_u8; 100])) }));
    assert!(said.starts_with("1 block allocated where 0 should be"), "{said}");
    assert!(said.contains(&format!("asserts.rs:{line}")), "{said}");
    let said = fault(|| assert_allocs!(== 2, { drop(black_box(Box::new(1))) }));
    assert!(said.starts_with("1 block allocated where 2 should be"), "{said}");
    let said = fault(|| {
        assert_allocs!(<= 1, {
            for size in 1..4 {
                drop(black_box(vec![0_u8; size]));
            }
        })
    });
    assert!(said.starts_with("3 blocks allocated where at most 1 should be"), "{said}");
}

#[test]
fn other_threads_do_not_count_and_own_ones_do() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        while wait.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            drop(black_box(Box::new(1)));
        }
    });
    for _ in 0..1_000 {
        assert_no_alloc!({ black_box(()) });
    }
    drop(release);
    other.join().unwrap();
    if highwater_hooks::status().is_ok() {
        let said = fault(|| {
            assert_no_alloc!({ std::thread::spawn(|| drop(black_box(vec![0_u8; 77_777]))).join().unwrap() })
        });
        assert!(said.contains("75.9 KiB"), "{said}");
    }
}

#[test]
fn the_first_use_of_what_is_the_processes_does_not_count() {
    static LAZY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| vec![1; 10]);
    assert_no_alloc!({ black_box(&*LAZY) });
}
