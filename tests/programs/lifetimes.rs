//! Allocates blocks with known lifetimes: `lifetimes DIRECTORY` writes the snapshots 1, 2 and 3 there.
//!
//! `keep` allocates before each snapshot; its blocks from before the first snapshot are freed before the
//! third. `pass` frees its blocks immediately, `linger` after some milliseconds and after other blocks, and
//! `grow` lets a vector double.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

const BLOCKS: usize = 1000;

#[inline(never)]
fn keep(kept: &mut Vec<Box<[u8]>>) {
    for _ in 0..BLOCKS {
        kept.push(black_box(vec![1; 300]).into_boxed_slice());
    }
}

#[inline(never)]
fn pass() {
    for _ in 0..BLOCKS {
        drop(black_box(vec![1_u8; 200]));
    }
}

#[inline(never)]
fn linger() {
    let mut blocks: Vec<Box<[u8]>> = Vec::with_capacity(BLOCKS);
    for _ in 0..BLOCKS {
        blocks.push(black_box(vec![1; 100]).into_boxed_slice());
    }
    sleep(Duration::from_millis(20));
    drop(black_box(blocks));
}

/// A vector of 1 KiB that doubles ten times.
#[inline(never)]
fn grow() {
    let mut list: Vec<u8> = Vec::with_capacity(1 << 10);
    for step in 11..=20 {
        list.resize(1 << (step - 1), 1);
        list.reserve_exact(1 << (step - 1));
        // A block after it, so that the vector cannot grow in place.
        black_box(Box::leak(Box::new([0_u8; 64])));
    }
    black_box(list);
}

fn run(directory: &Path) -> Result<(), highwater::Error> {
    let snapshot =
        |number: u32| highwater::Snapshot::capture()?.write(directory.join(format!("{number}.pb.gz")));
    let mut kept = Vec::with_capacity(3 * BLOCKS);
    keep(&mut kept);
    snapshot(1)?;
    keep(&mut kept);
    snapshot(2)?;
    kept.drain(..BLOCKS);
    keep(&mut kept);
    pass();
    linger();
    grow();
    snapshot(3)?;
    drop(black_box(kept));
    Ok(())
}

fn main() -> ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: lifetimes DIRECTORY");
        return ExitCode::from(2);
    };
    match run(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lifetimes: {error}");
            ExitCode::FAILURE
        }
    }
}
