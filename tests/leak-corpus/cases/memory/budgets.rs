//! Tests within their budgets, and tests that exceed them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::thread;

use super::block;

#[highwater_leaktest::test(max_blocks = 3)]
fn clean_keeps_its_blocks() {
    for _ in 0..3 {
        drop(block(1000));
    }
}

#[highwater_leaktest::test(max_blocks = 3)]
fn leak_a_block_too_many() {
    for size in 1..5 {
        drop(black_box(vec![0_u8; size])); // max_blocks: 4
    }
}

#[highwater_leaktest::test(max_bytes = "4KiB")]
fn clean_keeps_its_bytes() {
    for _ in 0..4 {
        drop(block(1024));
    }
}

#[highwater_leaktest::test(max_bytes = 4096)]
fn leak_a_byte_too_many() {
    drop(black_box(vec![0_u8; 4097])); // max_bytes: 4097
}

#[highwater_leaktest::test(max_peak = "1MiB")]
fn clean_keeps_its_peak() {
    for _ in 0..100 {
        drop(block(1 << 20));
    }
}

#[highwater_leaktest::test(max_peak = "1MiB")]
fn leak_above_its_peak() {
    drop(block(1 << 19));
    let first = black_box(vec![0_u8; 700 << 10]); // max_peak: 716800
    let second = black_box(vec![0_u8; 500 << 10]); // max_peak: 512000
    drop((first, second));
    drop(block(1 << 19));
}

#[highwater_leaktest::test(max_blocks = 1000, max_bytes = "64KiB", max_peak = "64KiB")]
fn clean_with_all_budgets() {
    let map: BTreeMap<u32, String> = (0..50).map(|it| (it, it.to_string())).collect();
    assert_eq!(map[&7], "7");
}

#[highwater_leaktest::test(max_blocks = 20)]
fn leak_by_a_childs_blocks() {
    let child = || {
        for size in 1..31 {
            drop(black_box(vec![0_u8; size])); // max_blocks: 30
        }
    };
    thread::spawn(child).join().unwrap();
}

#[highwater_leaktest::test(max_bytes = "100B")]
fn clean_while_others_allocate() {
    // Other tests of this program run in other threads at the same time, and allocate megabytes.
    let began = std::time::Instant::now();
    while began.elapsed().as_millis() < 30 {
        drop(black_box(Box::<[u8; 0]>::new([])));
        thread::yield_now();
    }
}

#[highwater_leaktest::test(max_blocks = 0)]
fn leak_reallocations_count() {
    let mut grows: Vec<u8> = Vec::new();
    grows.reserve_exact(10); // max_blocks: 1
    grows.reserve_exact(1000); // max_blocks: 1
    drop(black_box(grows));
}
