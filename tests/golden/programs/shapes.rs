//! The program behind the goldens of Rust profilers: five sites with known totals, one of them inlined, one
//! recursive, with a peak that is over before the end.
//!
//! `rustc` alone can build it; `dhat_rs.rs` includes it to profile it.
use std::hint::black_box;

/// 40 blocks of 1,000 to 1,039 bytes, every other one kept.
#[inline(never)]
fn shelves() -> Vec<Vec<u8>> {
    let mut kept = Vec::with_capacity(40);
    for number in 0..40 {
        let shelf = filled(1_000 + number);
        if number % 2 == 0 {
            kept.push(shelf);
        }
    }
    kept
}

#[inline(always)]
fn filled(size: usize) -> Vec<u8> {
    black_box(vec![7; black_box(size)])
}

/// A block on each level of a recursion, all freed on the way back.
#[inline(never)]
fn descend(levels: usize) -> usize {
    let block = black_box(vec![1_u8; 300]);
    let below = if levels > 1 { descend(levels - 1) } else { 0 };
    block.len() + below
}

/// The peak: 64 KiB for a short time.
#[inline(never)]
fn spike() -> usize {
    black_box(vec![0_u8; 64 << 10]).len()
}

/// Copies the first shelf, byte by byte.
#[inline(never)]
fn copied(shelves: &[Vec<u8>]) -> usize {
    black_box(shelves[0].clone()).len()
}

/// Many small blocks that are freed immediately.
#[inline(never)]
fn churn() -> usize {
    (1..=200).map(|size| black_box(Box::new([1_u8; 24])).len() + size).sum()
}

/// Runs all parts, in this order.
pub fn run() {
    let kept = shelves();
    black_box(descend(5));
    black_box(spike());
    black_box(churn());
    black_box(copied(&kept));
    std::mem::forget(black_box(kept));
}

#[allow(dead_code, reason = "not the entry point where this file is a module")]
fn main() {
    run();
}
