//! A list that grows from nothing again and again: the planted fault, which the command must find first.

use std::hint::black_box;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

#[inline(never)]
fn numbers(count: u64) -> Vec<u64> {
    let mut all = Vec::new();
    for number in 0..count {
        all.push(number);
    }
    all
}

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    for _ in 0..100 {
        black_box(numbers(black_box(20_000)));
    }
}
